"""Pages run without a browser, and pictures to hand over to them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import pipelines.presets
from apps.inpainting import fillings
from apps.settings import MAIN_SCRIPT
from apps.upscaling import enlargements
from tests.apps.handwriting import digit_png
from tests.apps.inpaint_page import save_micro_preset
from tests.apps.upscale_page import jpeg, save_micro_presets

if TYPE_CHECKING:
    from pipelines.classification.data import LabelledImages

TIMEOUT_S = 120  # the first run imports TensorFlow


@pytest.fixture(autouse=True, scope="package")
def _undo_boot() -> Iterator[None]:
    """Give Keras and the garbage collector back as they were."""
    import keras

    before = keras.backend.clear_session
    yield
    keras.backend.clear_session = before
    keras.config.set_dtype_policy("float32")
    gc.unfreeze()
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _undo_main() -> Iterator[None]:
    """Give the main module back: a page takes its place, and what is spawned later would run it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def app() -> AppTest:
    """The home page, in a new visitor's session."""
    return AppTest.from_file(str(MAIN_SCRIPT), default_timeout=TIMEOUT_S).run()


@pytest.fixture
def classify(app: AppTest) -> AppTest:
    """The page that classifies, in a new visitor's session."""
    return app.switch_page("views/classify.py").run()


@pytest.fixture(scope="session")
def micro_presets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny presets that enlarge."""
    folder: Path = tmp_path_factory.mktemp("presets")
    save_micro_presets(folder)
    return folder


@pytest.fixture
def upscale(
    app: AppTest, micro_presets: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AppTest]:
    """The page that enlarges, by tiny presets, in a new visitor's session."""
    monkeypatch.setattr(pipelines.presets, "SHIPPED", micro_presets)
    yield app.switch_page("views/upscale.py").run()
    enlargements.clear()  # ends all work


@pytest.fixture(scope="session")
def inpainter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny preset that fills holes."""
    folder: Path = tmp_path_factory.mktemp("presets")
    save_micro_preset(folder)
    return folder


@pytest.fixture
def inpaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page that removes things, without any preset, in a new visitor's session."""
    monkeypatch.setattr(pipelines.presets, "SHIPPED", tmp_path)
    yield _open("views/inpaint.py")
    fillings.clear()  # ends all work


@pytest.fixture
def inpaint_by_network(inpainter: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page that removes things, by a tiny preset, in a new visitor's session."""
    monkeypatch.setattr(pipelines.presets, "SHIPPED", inpainter)
    yield _open("views/inpaint.py")
    fillings.clear()


def _open(view: str) -> AppTest:
    """Come by the home page."""
    home = AppTest.from_file(str(MAIN_SCRIPT), default_timeout=TIMEOUT_S).run()
    return home.switch_page(view).run()


@pytest.fixture(scope="session")
def photo(photographs: dict[str, np.ndarray]) -> bytes:
    """A photograph as a JPEG file."""
    return jpeg(photographs["china"])


@pytest.fixture(scope="session")
def digit(digits: LabelledImages) -> Callable[[int], bytes]:
    """Make a PNG file of a handwritten digit."""
    return partial(digit_png, digits)
