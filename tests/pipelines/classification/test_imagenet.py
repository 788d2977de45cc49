"""ImageNet: labels, preprocessing, and presets whose weights Keras publishes.

Nothing is fetched: files with random weights stand in Keras's cache, with their own hashes.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from PIL import Image
from safetensors.torch import save_file

from models.catalog import create_model
from models.sources.published import PUBLISHED
from pipelines import list_presets, load_exported, load_preset, pipeline
from pipelines.classification.imagenet import NAMES, SOURCES, imagenet_labels
from pipelines.classification.pipeline import ImageClassification
from pipelines.preprocessing import ImagePreprocessing, fit_pictures, scale_pixels
from pipelines.presets import PresetError
from tests.models.sources.keras_cache import expect, use_cache
from tests.models.sources.keras_files import write_published
from tests.parity.stirring import stir_keras, stir_torch
from tests.parity.test_resnet import TorchResNet

APPLICATIONS = {
    "vgg16": keras.applications.vgg16,
    "vgg19": keras.applications.vgg19,
    "resnet50": keras.applications.resnet,
    "resnet101": keras.applications.resnet,
    "resnet152": keras.applications.resnet,
    "densenet121": keras.applications.densenet,
    "densenet169": keras.applications.densenet,
    "densenet201": keras.applications.densenet,
    "nasnet_mobile": keras.applications.nasnet,
    "nasnet_large": keras.applications.nasnet,
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return use_cache(monkeypatch, tmp_path)


def cut(photograph: np.ndarray, side: int) -> np.ndarray:
    return np.ascontiguousarray(photograph[50 : 50 + side, 100 : 100 + side])


def test_labels_are_the_usual_ones_in_the_usual_order() -> None:
    labels = imagenet_labels()
    assert len(labels) == len({label.lower() for label in labels}) == 1000
    known = {
        0: "tench",
        1: "goldfish",
        134: "crane (bird)",
        207: "golden retriever",
        281: "tabby",
        517: "crane (machine)",
        817: "sports car",
        954: "banana",
        999: "toilet tissue",
    }
    assert {index: labels[index] for index in known} == known
    assert all(label == label.strip() and "_" not in label for label in labels)


@pytest.mark.parametrize("name", NAMES)
def test_pixels_become_what_keras_makes_of_them(name: str, photographs) -> None:
    preset = load_preset(name)
    plan = ImagePreprocessing.from_preset(preset)
    model = preset.model
    assert plan.input_shape == ((331, 331, 3) if model == "nasnet_large" else (224, 224, 3))
    picture = cut(photographs["china"], plan.height_px)
    assert len(np.unique(picture[..., 0] - picture[..., 2].astype(int))) > 10  # colours
    expected = APPLICATIONS[model].preprocess_input(picture.astype("float32"))

    @tf.function
    def prepare(pixels):
        return scale_pixels(plan, fit_pictures(plan, pixels))

    ours = prepare(tf.constant(picture[None])).numpy()[0]
    # The pixel is divided by 255 and multiplied again: float32 rounds 255 to 2e-5.
    np.testing.assert_allclose(ours, expected, rtol=0, atol=5e-5)
    assert ImagePreprocessing.from_json(plan.to_json()) == plan


def test_pictures_of_other_sizes_are_cut_and_scaled_as_keras_loads_them(
    photographs, tmp_path: Path
) -> None:
    plan = ImagePreprocessing.imagenet("torch")
    for name, picture in photographs.items():
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
        loaded = keras.utils.load_img(
            tmp_path / f"{name}.png",
            target_size=(224, 224),
            keep_aspect_ratio=True,
            interpolation="bilinear",
        )
        ours = fit_pictures(plan, tf.constant(picture[None])).numpy()[0] * 255
        # Pillow rounds to 8 bits after each of its two passes: up to one level apart. At the edges
        # of the cut it reads on beyond them.
        assert np.abs(ours - np.asarray(loaded, float))[:, 2:-2].max() < 1.1


def keras_scores(theirs: keras.Model, module, picture: np.ndarray) -> np.ndarray:
    prepared = module.preprocess_input(picture[None].astype("float32"))
    scores: np.ndarray = np.asarray(keras.ops.softmax(theirs(prepared)))[0]
    return scores


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "application"),
    [("resnet50", "ResNet50"), ("densenet121", "DenseNet121")],  # BGR and RGB
)
def test_a_preset_gives_kerass_scores_with_labels(
    name: str, application: str, photographs, cache: Path, tmp_path: Path, monkeypatch
) -> None:
    keras.utils.set_random_seed(9)
    theirs = getattr(keras.applications, application)(weights=None, classifier_activation=None)
    picture = cut(photographs["flower"], 224)
    module = APPLICATIONS[name]
    stir_keras(theirs, module.preprocess_input(np.stack([picture, picture[::-1]]).astype("f4")))
    file = PUBLISHED[name][0].name
    expect(monkeypatch, name, write_published(cache / file, theirs))

    classify = pipeline("image-classification", f"{name}_imagenet", offline=True)
    scores = classify.scores([picture])[0]
    expected = keras_scores(theirs, module, picture)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-4 * expected.max())
    result = classify(picture, top_k=3)
    assert result.label == imagenet_labels()[int(expected.argmax())]
    assert result.preset == f"{name}_imagenet"
    if name == "resnet50":  # whose channels are turned round, in the exported graph too
        exported = load_exported(classify.export(tmp_path / "served"))
        served = exported.scores([picture])[0]
        np.testing.assert_allclose(served, scores, rtol=0, atol=1e-4 * scores.max())
        assert exported.labels == imagenet_labels()


def test_torchvisions_weights_of_ones_own(photographs, tmp_path: Path) -> None:
    theirs = TorchResNet((2, 2, 2, 2), classes=1000)
    picture = cut(photographs["china"], 64)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    def prepare(pixels: np.ndarray) -> torch.Tensor:
        unit = torch.from_numpy(pixels.copy()).float() / 255
        return ((unit - mean) / deviation).permute(0, 3, 1, 2)

    views = np.stack([picture, picture[::-1], picture[:, ::-1]])
    stir_torch(theirs, prepare(views).permute(0, 2, 3, 1).numpy())
    save_file(theirs.state_dict(), tmp_path / "resnet18.safetensors")
    model = create_model(
        "resnet18", input_shape=(64, 64, 3), weights=tmp_path / "resnet18.safetensors"
    )
    classify = ImageClassification.for_imagenet(model, "torch", preset="mine")
    with torch.inference_mode():
        expected = theirs(prepare(picture[None])).softmax(1).numpy()[0]
    np.testing.assert_allclose(
        classify.scores([picture])[0], expected, rtol=0, atol=1e-4 * expected.max()
    )
    assert classify(picture).label == imagenet_labels()[int(expected.argmax())]


def test_for_imagenet_refuses_other_networks_and_conventions() -> None:
    with pytest.raises(ValueError, match="10 classes must have as many labels; got 1000"):
        ImageClassification.for_imagenet(create_model("resnet_micro"), "torch")
    anything = create_model("resnet_micro", input_shape=(None, None, 3), classes=1000)
    with pytest.raises(ValueError, match="fixed size"):
        ImageClassification.for_imagenet(anything, "torch")
    with pytest.raises(ValueError, match="unknown convention 'tensorflow'; "):
        ImagePreprocessing.imagenet("tensorflow")  # type: ignore[arg-type]


def test_what_cannot_be_had_is_said(cache: Path) -> None:
    with pytest.raises(PresetError, match=r"'vgg16_imagenet' is not in Keras's cache"):
        pipeline("image-classification", "vgg16_imagenet", offline=True)
    with pytest.raises(PresetError, match=r"'vgg16_imagenet': cannot fetch http"):
        pipeline("image-classification", "vgg16_imagenet")
    with pytest.raises(PresetError, match="did you mean 'resnet50_imagenet'"):
        load_preset("resnet50_imagnet")
    assert list(cache.iterdir()) == []


def test_downloadable_presets_are_listed_apart_and_say_what_they_are() -> None:
    assert list_presets(downloadable=True) == sorted(NAMES)
    assert list_presets("image-classification", downloadable=True) == sorted(NAMES)
    assert list_presets("super-resolution", downloadable=True) == []
    assert not set(NAMES) & set(list_presets())
    assert set(SOURCES) == set(PUBLISHED)
    for name in NAMES:
        metadata = load_preset(name).metadata
        assert metadata["licence"]
        assert metadata["metrics"] == []  # nothing was measured here
