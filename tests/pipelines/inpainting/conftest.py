"""Crops of scikit-learn's photographs, as files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def crops(photographs, tmp_path_factory) -> Path:
    """A folder of ten parts of scikit-learn's photographs, 300 x 260 pixels each."""
    place: Path = tmp_path_factory.mktemp("crops")
    for name, pixels in photographs.items():
        for part in range(5):
            top, left = 60 * (part % 3), 90 * part
            crop = pixels[top : top + 300, left : left + 260]
            Image.fromarray(crop).save(place / f"{name}{part}.png")
    return place
