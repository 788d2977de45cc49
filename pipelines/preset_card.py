"""What a preset states of itself, and the README of its folder, which says so to people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

SHOWN_LABELS = 20  # in the README; metadata.json holds them all


def stated_metadata(name: str, network: keras.Model, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return a preset's metadata: what is known, and of what everybody asks that it is not."""
    return {
        "title": name,
        "description": "",
        "licence": "not stated",
        "data": "not stated",
        "metrics": [],
        **known,
        "parameters": sum(math.prod(variable.shape) for variable in network.trainable_variables),
    }


def card(name: str, model: str, facts: Mapping[str, Any]) -> str:
    """Return a preset's README.

    Args:
        name: The preset's name.
        model: The network's name in the catalog.
        facts: The preset's metadata, as `stated_metadata` completes it.
    """
    rows = [
        f"| {m['name']} | {_value(m)} | {m['data']} | `{m['command']}` |" for m in facts["metrics"]
    ]
    table = ["| figure | value | data | command |", "|---|---|---|---|", *rows] if rows else []
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
        *_labels(facts.get("labels", ())),
        "",
        *table,
    ]
    return "\n".join(lines).rstrip() + "\n"


def _value(metric: Mapping[str, Any]) -> str:
    return f"{metric['value']:.4f} {metric.get('unit', '')}".rstrip()


def _labels(labels: Sequence[str]) -> list[str]:
    """Return the line of a task that has labels."""
    if not labels:
        return []
    more = ", ..." if len(labels) > SHOWN_LABELS else ""
    return [f"- labels: {', '.join(labels[:SHOWN_LABELS])}{more}"]
