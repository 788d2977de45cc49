"""The README of a preset's folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def card(name: str, model: str, facts: Mapping[str, Any]) -> str:
    """Return a preset's README."""
    rows = [
        f"| {m['name']} | {m['value']:.4f} | {m['data']} | `{m['command']}` |"
        for m in facts["metrics"]
    ]
    table = ["| figure | value | data | command |", "|---|---|---|---|", *rows] if rows else []
    labels = ", ".join(facts["labels"][:20]) + (", ..." if len(facts["labels"]) > 20 else "")
    lines = [
        f"# {name}",
        "",
        f"{facts['title']}.",
        "",
        facts["description"],
        "",
        f"- network: `{model}`, {facts['parameters']:,} trainable parameters",
        f"- trained on: {facts['data']}",
        f"- licence: {facts['licence']}",
        f"- labels: {labels}",
        "",
        *table,
    ]
    return "\n".join(lines).rstrip() + "\n"
