"""An exported classifier is the pipeline that it was written from, on every way into it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from models.catalog import create_model
from models.folding import fold_normalisation
from pipelines import load_exported
from pipelines.classification.export import ExportedClassifier
from pipelines.classification.pipeline import ImageClassification
from pipelines.classification.recipes import MNIST_1998
from pipelines.export import ExportError
from pipelines.images import ImageError
from pipelines.preprocessing import ImagePreprocessing
from pipelines.results import ClassificationResult, FailedResult
from tests.pipelines.encoded_images import encode, png16
from tests.pipelines.python_process import run_python

# Both run the same graph on the same pixels; what is left is the order of float32 additions.
ROUNDING = 1e-6
CLASSES = ("apple", "Birne", "柿")


def contrasted(classifier: ImageClassification) -> ImageClassification:
    """Spread the scores of an untrained network, so that equal ones mean something."""
    logits = classifier.model.get_layer("logits")
    logits.set_weights([weights * 40 for weights in logits.get_weights()])
    return classifier


@pytest.fixture(scope="module")
def digit_reader() -> ImageClassification:
    """Grey pictures, objects found and centred, a margin, pixels scaled: ten classes."""
    keras.utils.set_random_seed(1)
    return contrasted(
        ImageClassification(
            create_model("lenet_micro", input_shape=(32, 32, 1)),
            preprocessing=MNIST_1998,
            labels=[f"digit {number}" for number in range(10)],
            preset="digit_reader",
            metadata={"licence": "CC0"},
        )
    )


@pytest.fixture(scope="module")
def fruit_namer() -> ImageClassification:
    """RGB pictures cropped to another aspect: three classes, fewer than the best five."""
    keras.utils.set_random_seed(2)
    return contrasted(
        ImageClassification(
            create_model("lenet_micro", input_shape=(20, 30, 3), classes=3),
            preprocessing=ImagePreprocessing(height_px=20, width_px=30, fit="crop"),
            labels=CLASSES,
            preset="fruit_namer",
        )
    )


@pytest.fixture(scope="module")
def served(digit_reader: ImageClassification, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digit_reader.export(tmp_path_factory.mktemp("served") / "digits")


@pytest.fixture(scope="module")
def exported(served) -> ExportedClassifier:
    classifier: ExportedClassifier = load_exported(served)
    return classifier


@pytest.fixture(scope="module")
def exported_fruit(fruit_namer, tmp_path_factory) -> ExportedClassifier:
    classifier: ExportedClassifier = load_exported(
        fruit_namer.export(tmp_path_factory.mktemp("fruit"))
    )
    return classifier


@pytest.fixture(scope="module")
def drawings(digits) -> list[np.ndarray]:
    """Handwritten digits, dark on light and light on dark, of several sizes."""
    small = [255 - digits.images[place] for place in range(4)]
    return [*small, *(np.kron(digits.images[place], np.ones((9, 9), np.uint8)) for place in (4, 5))]


def assert_same(found: list[ClassificationResult], wanted: list[ClassificationResult]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert [p.label for p in one.predictions] == [p.label for p in other.predictions]
        np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=ROUNDING)
        assert one.preset == other.preset


def test_arrays_give_the_same_results(digit_reader, exported, drawings) -> None:
    assert_same(exported(drawings, top_k=10), digit_reader(drawings, top_k=10))
    assert_same([exported(drawings[0])], [digit_reader(drawings[0])])


def test_photographs_give_the_same_results(fruit_namer, exported_fruit, photographs) -> None:
    pictures = list(photographs.values())
    grey = pictures[0][:, :, 1]
    assert_same(exported_fruit([*pictures, grey]), fruit_namer([*pictures, grey]))
    assert exported_fruit.labels == CLASSES


@pytest.mark.parametrize("name", ["PNG", "BMP", "WEBP", "JPEG"])
def test_encoded_pictures_give_the_same_results(
    digit_reader, exported, fruit_namer, exported_fruit, drawings, photographs, name
) -> None:
    # JPEG too, to the same tolerance: TensorFlow decodes to the very pixels that Pillow does.
    files = [encode(Image.fromarray(drawing), name) for drawing in drawings]
    assert_same(exported.serve_bytes(files, top_k=10), digit_reader(files, top_k=10))
    files = [encode(Image.fromarray(photo), name) for photo in photographs.values()]
    assert_same(exported_fruit.serve_bytes(files), fruit_namer(files))


def test_transparent_deep_and_turned_pictures_give_the_same_results(
    fruit_namer, exported_fruit, photographs
) -> None:
    photo = Image.fromarray(photographs["china"])
    clear = photo.copy()
    clear.putalpha(Image.linear_gradient("L").resize(photo.size))
    deep = photographs["flower"].astype(np.uint16) * 257
    turned = Image.Exif()
    turned[0x0112] = 6
    files = [encode(clear, "PNG"), png16(deep), encode(photo, "JPEG", exif=turned)]
    assert_same(exported_fruit.serve_bytes(files), fruit_namer(files))


def test_one_bad_picture_harms_no_other(digit_reader, exported, drawings) -> None:
    good = [encode(Image.fromarray(drawing), "PNG") for drawing in drawings[:3]]
    bad = [b"", b"no picture", good[0][:60], encode(Image.fromarray(drawings[0]), "JPEG")[:200]]
    results = exported.serve_bytes([good[0], *bad, good[1], good[2]])
    assert [result.ok for result in results] == [True] + [False] * len(bad) + [True] * 2
    assert_same([result for result in results if result.ok], digit_reader(good))
    for failure in results[1 : 1 + len(bad)]:
        assert isinstance(failure, FailedResult)
        assert failure.error_type == "ImageError"
        assert failure.error.startswith("<bytes>: TensorFlow cannot decode it")


def test_of_a_bad_picture_nothing_looks_like_a_result(exported) -> None:
    answer = exported.endpoints["serving_default"](image_bytes=tf.constant([b"", b"?"]))
    assert answer["ok"].numpy().tolist() == [False, False]
    assert answer["labels"].numpy().tolist() == [[b""] * 5] * 2
    assert answer["indices"].numpy().tolist() == [[-1] * 5] * 2
    assert not answer["scores"].numpy().any()
    assert not answer["probabilities"].numpy().any()


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_batches_of_any_size(exported, digits, batch) -> None:
    pictures = np.repeat(digits.images[:batch, :, :, None], 3, axis=-1)
    files = [encode(Image.fromarray(picture), "PNG") for picture in pictures]
    answers = [
        exported.endpoints["serve_array"](pictures=tf.constant(pictures)),
        exported.endpoints["serving_default"](image_bytes=tf.constant(files, tf.string)),
    ]
    for answer in answers:
        shapes = {name: tuple(value.shape) for name, value in answer.items()}
        assert shapes == {
            "labels": (batch, 5),
            "scores": (batch, 5),
            "indices": (batch, 5),
            "probabilities": (batch, 10),
            "ok": (batch,),
        }
    of_arrays, of_files = (answer["probabilities"].numpy() for answer in answers)
    np.testing.assert_allclose(of_arrays, of_files, rtol=0, atol=ROUNDING)


def test_outputs_belong_together(exported, exported_fruit, photographs) -> None:
    for classifier, best in ((exported, 5), (exported_fruit, 3)):
        pictures = tf.constant(np.stack(list(photographs.values())))
        answer = {
            name: value.numpy()
            for name, value in classifier.endpoints["serve_array"](pictures=pictures).items()
        }
        order = np.argsort(-answer["probabilities"], axis=1, kind="stable")[:, :best]
        assert answer["indices"].tolist() == order.tolist()
        expected = np.take_along_axis(answer["probabilities"], order, axis=1)
        assert answer["scores"].tolist() == expected.tolist()
        names = [[classifier.labels[index].encode() for index in row] for row in order]
        assert answer["labels"].tolist() == names
        assert answer["ok"].all()


def test_nothing_in_it_is_training_or_random(exported, drawings) -> None:
    files = [encode(Image.fromarray(drawing), "PNG") for drawing in drawings]
    first, second = exported.serve_bytes(files), exported.serve_bytes(files)
    alone = [exported.serve_bytes([file])[0] for file in files]
    for one, other, single in zip(first, second, alone, strict=True):
        assert one.scores.tolist() == other.scores.tolist()
        # Normalisation by the batch, as in training, would make its neighbours matter.
        np.testing.assert_allclose(one.scores, single.scores, rtol=0, atol=ROUNDING)


def test_weights_are_stored_once(tmp_path: Path) -> None:
    # lenet_modern: its 360 kB are far more than the bookkeeping beside them.
    classifier = ImageClassification(
        create_model("lenet_modern"),
        preprocessing=ImagePreprocessing(height_px=28, width_px=28, channels=1),
        labels=[str(digit) for digit in range(10)],
    )
    folder = classifier.export(tmp_path / "served")
    stored = sum(file.stat().st_size for file in (folder / "1" / "variables").iterdir())
    needed = 4 * fold_normalisation(classifier.model).count_params()
    assert needed <= stored < 1.3 * needed


def test_the_pipeline_s_manners(exported, digit_reader, drawings, tmp_path: Path) -> None:
    for place, drawing in enumerate(drawings):
        Image.fromarray(drawing).save(tmp_path / f"{place}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    results = exported(tmp_path, on_error="return")
    assert_same(results[:-1], digit_reader(drawings))
    assert not results[-1].ok
    assert results[0].source == str(tmp_path / "0.png")
    assert len(exported(tmp_path, on_error="skip")) == len(drawings)
    with pytest.raises(ImageError, match=r"broken\.png"):
        exported(tmp_path)
    assert exported.serve_bytes([]) == []
    one_by_one = exported(iter(drawings), top_k=1)
    assert not isinstance(one_by_one, list)
    assert [len(result.predictions) for result in one_by_one] == [1] * len(drawings)
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match="top_k must be a whole number of at least 1"):
            exported(drawings, top_k=wrong)
        with pytest.raises(ValueError, match="top_k must be a whole number of at least 1"):
            exported.serve_bytes([], top_k=wrong)


def test_evaluation_gives_the_same_figures(exported, digit_reader, digits) -> None:
    data = type(digits)(digits.images[:50], digits.labels[:50], digit_reader.labels, "fifty digits")
    found, wanted = exported.evaluate(data), digit_reader.evaluate(data)
    assert found.confusion.tolist() == wanted.confusion.tolist()
    assert found.loss == pytest.approx(wanted.loss, abs=1e-5)


def test_what_it_is_travels_with_it(served, exported) -> None:
    assert exported.preset == "digit_reader"
    assert exported.labels == tuple(f"digit {number}" for number in range(10))
    assert exported.metadata == {"licence": "CC0"}
    card = json.loads((served / "1" / "assets.extra" / "sightsound.json").read_text("utf-8"))
    assert ImagePreprocessing.from_json(json.dumps(card["preprocessing"])) == MNIST_1998


def test_saved_model_cli_runs_it(served, exported, drawings, tmp_path: Path) -> None:
    files = [encode(Image.fromarray(drawing), "PNG") for drawing in drawings] + [b"broken"]
    np.save(tmp_path / "files.npy", np.array(files, dtype=object))
    run_python(
        "from tensorflow.python.tools.saved_model_cli import main; main()",
        *("run", "--dir", str(served / "1"), "--tag_set", "serve"),
        *("--signature_def", "serving_default", "--outdir", str(tmp_path)),
        *("--inputs", f"image_bytes={tmp_path / 'files.npy'}"),
    )
    labels = np.load(tmp_path / "labels.npy", allow_pickle=True)
    expected = [result.label.encode() for result in exported.serve_bytes(files[:-1])]
    assert [row[0] for row in labels] == [*expected, b""]
    assert np.load(tmp_path / "ok.npy").tolist() == [True] * len(drawings) + [False]


WITH_TENSORFLOW = """
import json, sys
import tensorflow as tf
root = tf.saved_model.load(sys.argv[1])
files = tf.constant([open(path, "rb").read() for path in sys.argv[2:]])
answer = root.signatures["serving_default"](image_bytes=files)
print(json.dumps([label.decode() for label in answer["labels"][:, 0].numpy()]))
"""
WITHOUT_US = ("keras", "sightsound", "pipelines", "models", "PIL")

WITH_US = """
import json, sys
from pipelines import load_exported
results = load_exported(sys.argv[1])(sys.argv[2:])
print(json.dumps([result.label for result in results]))
"""
WITHOUT_KERAS = ("keras", "tf_keras", "h5py", "models.catalog", "models.weights")


@pytest.mark.parametrize(
    ("script", "without"),
    [(WITH_TENSORFLOW, WITHOUT_US), (WITH_US, WITHOUT_KERAS)],
    ids=["tensorflow", "ours"],
)
def test_it_runs_without_keras_from_wherever_it_lies(
    served, exported, drawings, tmp_path: Path, script, without
) -> None:
    paths = [tmp_path / f"{place}.png" for place in range(len(drawings))]
    for path, drawing in zip(paths, drawings, strict=True):
        Image.fromarray(drawing).save(path)
    moved = shutil.copytree(served / "1", tmp_path / "moved")
    printed = run_python(script, str(moved), *map(str, paths), without=without)
    assert json.loads(printed) == [result.label for result in exported(paths)]


def test_an_export_replaces_another_on_demand(digit_reader, fruit_namer, tmp_path: Path) -> None:
    folder = digit_reader.export(tmp_path / "served")
    assert folder == tmp_path / "served"
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        fruit_namer.export(folder)
    assert load_exported(folder / "1").preset == "digit_reader"
    fruit_namer.export(folder, overwrite=True)
    assert load_exported(folder).preset == "fruit_namer"


def test_a_card_without_labels_is_refused(served, tmp_path: Path) -> None:
    copy = shutil.copytree(served / "1", tmp_path / "copy")
    card = copy / "assets.extra" / "sightsound.json"
    card.write_text('{"task": "image-classification", "preset": "x"}')
    with pytest.raises(ExportError, match="lacks metadata, labels"):
        load_exported(copy)
