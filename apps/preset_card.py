"""What there is to know about a preset: where it comes from, how good it is, how to check that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from apps.plain_text import plain
from apps.session import preset_metadata
from pipelines.presets import PresetError


def title(preset: str) -> str:
    """Give a preset's title for people; its name, where the preset is damaged."""
    try:
        return str(preset_metadata(preset)["title"])
    except PresetError:
        return preset


def score(metric: Mapping[str, Any]) -> str:
    """Write a metric's value: `99.3 %` for an accuracy in [0, 1], else `0.012` or `31.4 dB`."""
    if metric["name"].endswith("accuracy") and "unit" not in metric:
        return f"{metric['value']:.2%}".replace("%", " %")
    return f"{metric['value']:.4g} {metric.get('unit', '')}".strip()


def show_preset(preset: str) -> None:
    """Show where a preset comes from, and each score with the command that reproduces it.

    Raises:
        PresetError: The preset is unknown or damaged.
    """
    metadata = preset_metadata(preset)
    st.markdown(metadata["description"])  # Markdown, as in the preset's README
    facts = {
        "Trained on": str(metadata["data"]),
        "Licence": str(metadata["licence"]),
        "Parameters": f"{metadata['parameters']:,}",
        "Name": preset,
    }
    st.table({name: plain(fact, limit=300) for name, fact in facts.items()}, border="horizontal")
    figures: dict[str, list[str]] = {}
    for metric in metadata["metrics"]:
        figure = f"**{plain(score(metric))}** {plain(metric['name'])} on {plain(metric['data'])}"
        figures.setdefault(metric["command"], []).append(figure)
    for command, measured in figures.items():
        st.markdown("  \n".join(measured))  # two blanks break the line
        st.code(command, language="bash", wrap_lines=True)
