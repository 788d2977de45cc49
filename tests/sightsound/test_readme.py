"""The README says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from models.catalog import list_models, model_info
from pipelines.presets import list_presets, load_preset
from sightsound.commands import models, presets

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_table_of_networks_is_the_catalogs() -> None:
    block = README.split("<!-- models -->\n")[1].split("<!-- /models -->")[0]
    assert block == models.markdown([model_info(name) for name in list_models()]) + "\n"


def test_the_table_of_presets_is_the_cards() -> None:
    block = README.split("<!-- presets -->\n")[1].split("<!-- /presets -->")[0]
    assert block == presets.markdown([load_preset(name) for name in list_presets()]) + "\n"


def test_local_links_and_pictures_exist() -> None:
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        assert (Path(__file__).parents[2] / target).exists(), target
