"""`weights="imagenet"`, without the network: Keras's cache holds stand-ins with their hashes."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest

from models.catalog import create_model, model_info
from models.sources import published
from models.sources.keras_applications import TWINS
from tests.models.sources.keras_cache import expect, use_cache
from tests.models.sources.keras_files import write_published

RESNETS = ("resnet50", "resnet101", "resnet152")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return use_cache(monkeypatch, tmp_path)


def kerass_source(name: str) -> str:
    module = name if name.startswith("vgg") else model_info(name).family
    return inspect.getsource(importlib.import_module(f"keras.src.applications.{module}"))


@pytest.mark.parametrize("name", [name for name in published.PUBLISHED if name not in RESNETS])
def test_files_and_hashes_are_those_that_keras_asks_for(name: str) -> None:
    source = kerass_source(name)
    for file in published.PUBLISHED[name]:
        base, _, folder, url_name = file.url.rsplit("/", 3)
        assert f"{base}/keras-applications/" in source
        assert f"{folder}/" in source
        assert url_name in source
        call = source.index(f'    "{file.name}",')
        assert file.md5 in source[call : call + 300]


@pytest.mark.parametrize("name", RESNETS)
def test_resnets_files_are_put_together_by_keras(name: str) -> None:
    source = kerass_source(name)
    top, no_top = published.PUBLISHED[name]
    row = source.index(f'"{name}": (')
    assert source.index(top.md5, row) < source.index(no_top.md5, row) < row + 150
    for file in (top, no_top):
        ending = file.name.removeprefix(name)
        assert f'{{weights_name}}{ending}"' in source
        assert file.url == f"{published._URL}/resnet/{file.name}"


def test_every_published_network_has_a_twin() -> None:
    assert set(published.PUBLISHED) == set(TWINS)


@pytest.mark.slow
def test_a_network_without_a_top_has_a_file_of_its_own(cache: Path, monkeypatch) -> None:
    theirs = keras.applications.VGG16(weights=None, include_top=False)
    name = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    expect(monkeypatch, "vgg16", write_published(cache / name, theirs))
    shape = (64, 64, 3)
    ours = create_model("vgg16", weights="imagenet", include_top=False, input_shape=shape)
    np.testing.assert_array_equal(
        ours.get_layer("conv5_3").kernel, theirs.get_layer("block5_conv3").kernel
    )
    assert not published.is_cached("vgg16")  # which is the file with the top
    with pytest.raises(ConnectionError, match="cannot fetch"):
        create_model("vgg16", weights="imagenet")


def test_what_cannot_be_fetched_says_where_to_put_it(cache: Path) -> None:
    with pytest.raises(
        ConnectionError,
        match=rf"cannot fetch {published.PUBLISHED['vgg16'][0].url}"
        rf".*goes to {cache}",
    ):
        create_model("vgg16", weights="imagenet")
    assert list(cache.iterdir()) == []


def test_a_damaged_file_is_not_used(cache: Path) -> None:
    (cache / "nasnet_mobile.h5").write_bytes(b"half of it")
    assert not published.is_cached("nasnet_mobile")
    with pytest.raises(ConnectionError, match="cannot fetch"):
        create_model("nasnet_mobile", weights="imagenet")


@pytest.mark.parametrize("name", ["resnet18", "resnet50_v1_5", "googlenet_bn", "lenet5"])
def test_networks_without_published_weights_say_which_have_some(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} has no published ImageNet weights; vgg16, .*"):
        create_model(name, weights="imagenet")


def test_another_number_of_classes_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"1000 classes; got classes=10; .*include_top=False"):
        create_model("resnet50", classes=10, weights="imagenet")
