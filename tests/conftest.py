"""Fixtures that many tests share: a tiny trained classifier and real handwritten digits."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter
if "TF_XLA_FLAGS" not in os.environ:  # this process starts the run: others inherit its environment
    # What XLA compiles stays out of the user's cache, and lasts as long as the run.
    _COMPILED = tempfile.mkdtemp(prefix="sightsound-xla-")
    atexit.register(shutil.rmtree, _COMPILED, ignore_errors=True)
    os.environ["TF_XLA_FLAGS"] = f"--tf_xla_persistent_cache_directory={_COMPILED}"
# A shell's background job ignores Ctrl-C, and so would what it starts; the tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from pipelines.classification.data import LabelledImages
    from pipelines.classification.pipeline import ImageClassification

DATA_PACK = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what wants the data pack where there is none, and begin with slow tests' files.

    So no process waits for another's slow test at the end.
    """
    without = pytest.mark.skip(reason="the data pack lies beside the checkout only")
    for item in items:
        if item.get_closest_marker("data") and not DATA_PACK.is_dir():
            item.add_marker(without)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def digits() -> LabelledImages:
    """scikit-learn's 1,797 handwritten digits, 8 x 8."""
    from pipelines.classification.data import load_data

    return load_data("digits")


@pytest.fixture(scope="session")
def micro() -> ImageClassification:
    """An untrained, tiny classifier of the ten digits; quick, and right by chance only."""
    import keras

    from models.catalog import create_model
    from pipelines.classification.pipeline import ImageClassification
    from pipelines.classification.recipes import MNIST

    keras.utils.set_random_seed(5)
    return ImageClassification(
        create_model("lenet_micro"),
        preprocessing=MNIST,
        labels=[str(d) for d in range(10)],
        preset="micro",
    )


@pytest.fixture(scope="session")
def photographs() -> dict[str, np.ndarray]:
    """scikit-learn's two photographs, (427, 640, 3) uint8."""
    from sklearn.datasets import load_sample_images

    bunch = load_sample_images()
    return dict(zip(("china", "flower"), bunch.images, strict=True))
