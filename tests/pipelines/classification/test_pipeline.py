"""The image-classification pipeline as people call it."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import pipelines
from models.catalog import create_model
from pipelines.classification.data import DataError, LabelledImages
from pipelines.classification.pipeline import ImageClassification
from pipelines.images import ImageError
from pipelines.preprocessing import ImagePreprocessing
from pipelines.results import ClassificationResult, FailedResult
from tests.pipelines.hostile_images import HOSTILE_IMAGES


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path, digits) -> Path:
    """Five digits as PNG files, and a broken one between them."""
    for place in range(5):
        (tmp_path / f"{place}.png").write_bytes(png(digits.images[place]))
    (tmp_path / "2_broken.png").write_bytes(png(digits.images[0])[:60])
    return tmp_path


def same(a: ClassificationResult, b: ClassificationResult) -> bool:
    return a.indices.tolist() == b.indices.tolist() and np.allclose(a.scores, b.scores, atol=1e-6)


def test_every_kind_of_input_gives_the_same_result(micro, digits, tmp_path: Path) -> None:
    array = digits.images[3]
    path = tmp_path / "three.png"
    path.write_bytes(png(array))
    result = micro(array)
    assert isinstance(result, ClassificationResult)
    assert result.ok
    assert result.label == micro.labels[result.indices[0]]
    assert result.timing_ms > 0
    others = [str(path), path, path.read_bytes(), Image.fromarray(array), np.stack([array] * 3, -1)]
    for source in others:
        assert same(micro(source), result)
    assert micro(path).source == str(path)
    assert micro(array).source == "<array>"


def test_shapes_of_answers_follow_the_shapes_of_questions(micro, digits, folder: Path) -> None:
    images = list(digits.images[:3])
    assert isinstance(micro(images), list)
    assert isinstance(micro([images[0]]), list)
    assert micro([]) == []
    assert len(micro(np.stack(images)[..., None])) == 3
    iterator = micro(iter(images))
    assert not isinstance(iterator, list)
    assert [r.label for r in iterator] == [r.label for r in micro(images)]
    dataset = tf.data.Dataset.from_tensor_slices(digits.images[:3])
    assert [r.label for r in micro(dataset)] == [r.label for r in micro(images)]
    assert len(micro(folder, on_error="skip")) == 5


def test_a_picture_alone_and_in_any_batch_is_the_same(micro, digits) -> None:
    images = list(digits.images[:10])
    alone = [micro(image) for image in images]
    for batch_size in (1, 3, 10, 64):
        for a, b in zip(alone, micro(images, batch_size=batch_size), strict=True):
            assert same(a, b)
    large = np.kron(images[0], np.ones((5, 7), np.uint8))
    mixed = micro([images[0], large, images[1]])  # different sizes in one batch
    assert same(mixed[0], alone[0])
    assert same(mixed[2], alone[1])


def test_scores_are_probabilities_best_first(micro, digits) -> None:
    result = micro(digits.images[0], top_k=10)
    scores = [p.score for p in result.predictions]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1)
    assert sorted(p.label for p in result.predictions) == sorted(micro.labels)
    assert len(micro(digits.images[0], top_k=1).predictions) == 1
    assert len(micro(digits.images[0], top_k=99).predictions) == 10


def test_one_bad_file_never_spoils_a_batch(micro, folder: Path) -> None:
    returned = micro(folder, on_error="return")
    assert [r.ok for r in returned] == [True, True, True, False, True, True]
    failure = returned[3]
    assert isinstance(failure, FailedResult)
    assert "2_broken.png" in str(failure)
    assert "ImageError" in failure.to_json()
    assert len(micro(folder, on_error="skip")) == 5
    with pytest.raises(ImageError, match=r"2_broken\.png"):
        micro(folder)


def test_an_endless_stream_is_answered(micro, digits) -> None:
    stream = micro.stream(itertools.cycle(digits.images[:4]), batch_size=4)
    assert len([next(stream) for _ in range(10)]) == 10


def test_the_callers_array_is_left_alone(micro, digits) -> None:
    array = digits.images[0].copy()
    array.setflags(write=False)
    micro(array)
    np.testing.assert_array_equal(array, digits.images[0])


def test_transparent_ink_is_shown_on_white_paper(micro, digits) -> None:
    ink = np.zeros((8, 8, 4), np.uint8)
    ink[..., 3] = digits.images[0]  # black, opaque where the digit is
    on_paper = 255 - digits.images[0]
    assert same(micro(ink), micro(on_paper))


def test_results_print_and_save(micro, digits, tmp_path: Path, capsys) -> None:
    result = micro(digits.images[0], top_k=2)
    result.show()
    shown = capsys.readouterr().out
    assert shown.startswith("<array>\n")
    assert shown.count("%") == 2
    saved = json.loads(result.save(tmp_path / "r.json").read_text())
    assert saved["label"] == result.label
    assert saved["predictions"][1]["index"] == result.predictions[1].index
    with pytest.raises(ValueError, match=r"saved as \.json"):
        result.save(tmp_path / "r.txt")


@pytest.mark.parametrize("hostile", HOSTILE_IMAGES, ids=lambda h: h.id)
def test_hostile_images_are_refused_and_harm_no_neighbour(
    hostile, micro, digits, tmp_path: Path
) -> None:
    good = digits.images[0]
    first, bad, last = micro([good, hostile.make(tmp_path), good], on_error="return")
    assert isinstance(bad, FailedResult)
    assert bad.error
    assert same(first, last)
    assert same(first, micro(good))


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"top_k": 0}, ValueError, "top_k must be"),
        ({"top_k": 1.5}, ValueError, "top_k must be"),
        ({"batch_size": -1}, ValueError, "batch_size must be"),
        ({"on_error": "explode"}, ValueError, "on_error must be one of"),
        ({"colour": "red"}, TypeError, "colour"),
    ],
)
def test_wrong_arguments_are_refused(micro, digits, arguments, error, says) -> None:
    with pytest.raises(error, match=says):
        micro(digits.images[0], **arguments)


@pytest.mark.parametrize("inputs", [None, 7, 3.5, object()])
def test_what_is_no_picture_is_refused(micro, inputs) -> None:
    with pytest.raises(TypeError, match="inputs must be a picture"):
        micro(inputs)


def test_unknown_tasks_and_options_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'image-classification'"):
        pipelines.pipeline("image-clasification")
    with pytest.raises(TypeError, match="colour"):
        pipelines.pipeline("image-classification", colour=True)


def test_evaluate_counts_what_is_right(micro, digits) -> None:
    data = digits.take(200)
    evaluation = micro.evaluate(data)
    predicted = [int(r.label) for r in micro(list(data.images))]
    assert evaluation.count == 200
    assert evaluation.accuracy == pytest.approx((np.array(predicted) == data.labels).mean())
    assert evaluation.confusion.sum() == 200


def test_evaluate_names_unreadable_files_and_goes_on(micro, folder: Path) -> None:
    files = tuple(sorted(folder.glob("*.png")))
    data = LabelledImages(files, np.array([0, 1, 2, 2, 3, 4]), micro.labels, "mine")
    evaluation = micro.evaluate(data)
    assert evaluation.count == 5
    assert [Path(source).name for source, _ in evaluation.failed] == ["2_broken.png"]


def test_evaluate_refuses_classes_that_the_preset_lacks(micro, digits) -> None:
    other = LabelledImages(digits.images[:2], np.array([0, 1]), ("cat", "dog"), "pets")
    with pytest.raises(DataError, match="cat"):
        micro.evaluate(other)


def test_fit_learns_a_persons_own_folders_and_leaves_the_old_one_alone(
    photographs, tmp_path: Path
) -> None:
    start = ImageClassification(
        create_model("lenet_modern", input_shape=(32, 32, 3), classes=2),
        preprocessing=ImagePreprocessing(height_px=32, width_px=32, fit="crop"),
        labels=["one", "two"],
    )
    random = np.random.default_rng(0)
    for name, photo in photographs.items():
        for split, count in (("train", 24), ("test", 12)):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                y, x = random.integers(0, 427 - 200), random.integers(0, 640 - 200)
                crop = Image.fromarray(photo[y : y + 200, x : x + 200])
                crop.save(tmp_path / split / name / f"{number}.jpg")
    before = [np.asarray(v).copy() for v in start.model.weights]
    fitted = start.fit(tmp_path, epochs=15, batch_size=16, peak_rate=5e-3, seed=1)
    for old, new in zip(before, start.model.weights, strict=True):
        np.testing.assert_array_equal(old, new)
    assert fitted.labels == ("china", "flower")
    assert fitted.evaluate(tmp_path).accuracy >= 0.9  # 24 crops of two very different scenes
    fitted.save(tmp_path / "mine")
    again = pipelines.pipeline("image-classification", tmp_path / "mine")
    assert again(photographs["flower"]).label == fitted(photographs["flower"]).label
