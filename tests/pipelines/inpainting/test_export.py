"""An exported inpainter is the pipeline that it was written from, bit for bit, on every way in.

Windows and contexts are small here, so that the photographs are filled part by part.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipelines import load_exported
from pipelines.export import ExportError, read_card
from pipelines.inpainting import holes
from pipelines.inpainting.export import ExportedInpainter
from pipelines.inpainting.pipeline import Inpainting
from pipelines.inpainting_results import InpaintedImage
from pipelines.results import FailedResult
from tests.pipelines.encoded_images import encode, png16
from tests.pipelines.exported_pictures import (
    HEIGHT,
    WIDTH,
    assert_kinds_kept,
    assert_same_picture,
    every_kind,
    piece,
)
from tests.pipelines.inpainting.inpainters import holes as some_holes
from tests.pipelines.inpainting.inpainters import inpainter
from tests.pipelines.python_process import run_python

SMALL = {"WHOLE_PX": 60 * 60, "WINDOW_PX": 70, "CONTEXT_PX": 24}


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Iterator[None]:
    """Let the photographs be filled as large ones are; what is traced meanwhile stays so."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(holes, name, value)
        yield


@pytest.fixture(scope="module")
def pipeline() -> Inpainting:
    made = inpainter()
    made.metadata = {"licence": "CC0"}
    return made


@pytest.fixture(scope="module")
def served(pipeline: Inpainting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipeline.export(tmp_path_factory.mktemp("export") / "served")


@pytest.fixture(scope="module")
def exported(served: Path) -> ExportedInpainter:
    found: ExportedInpainter = load_exported(served)
    return found


@pytest.fixture(scope="module")
def photo(photographs) -> np.ndarray:
    return piece(photographs)


@pytest.fixture(scope="module")
def mask(photo: np.ndarray) -> bytes:
    """A mask of that size, as a file."""
    return encode(Image.fromarray(some_holes(*photo.shape[:2])), "PNG")


@pytest.fixture(scope="module")
def kinds(photo: np.ndarray) -> dict[str, bytes]:
    """All but the turned one, which would need a turned mask."""
    return {kind: file for kind, file in every_kind(photo).items() if kind != "turned_jpeg"}


def assert_same(found: InpaintedImage, wanted: InpaintedImage) -> None:
    assert_same_picture(found, wanted)
    facts = [(r.method, r.share, r.warning) for r in (found, wanted)]
    assert facts[0] == facts[1]


def test_real_photographs_give_the_same_bits_on_every_way(pipeline, exported, photographs) -> None:
    photos = np.stack(list(photographs.values()))
    masks = np.stack([some_holes(*photos.shape[1:3]), some_holes(*photos.shape[1:3])[::-1]])
    wanted = pipeline(photos, masks)
    assert len(pipeline._filler.begin(wanted[0].original, masks[0] * np.uint16(257), "a").parts) > 5
    for found, result in zip(exported(photos, masks), wanted, strict=True):
        assert_same(found, result)
    answer = exported.endpoints["serve_array"](
        pictures=tf.constant(photos), masks=tf.constant(masks)
    )
    np.testing.assert_array_equal(answer["filled"], np.stack([r.pixels for r in wanted]))
    files = [[encode(Image.fromarray(p), "PNG") for p in arrays] for arrays in (photos, masks)]
    for found, result, before, hole in zip(
        exported.serve_bytes(*files), wanted, photos, masks, strict=True
    ):
        assert_same(found, result)
        np.testing.assert_array_equal(found.pixels[hole == 0], before[hole == 0])
        assert (found.pixels[hole == 255] != before[hole == 255]).any(-1).mean() > 0.7


def test_every_kind_of_file_gives_the_same_bits(pipeline, exported, kinds, mask) -> None:
    masks = [mask] * len(kinds)
    found = dict(zip(kinds, exported.serve_bytes(list(kinds.values()), masks), strict=True))
    for kind, data in kinds.items():
        assert_same(found[kind], pipeline(data, mask))
    assert_kinds_kept(found)


def test_every_kind_of_mask_gives_the_same_bits(pipeline, exported, photo) -> None:
    soft = some_holes(HEIGHT, WIDTH)
    image = Image.fromarray(soft)
    colours = np.dstack((soft, soft[::-1], soft[:, ::-1]))
    paint = np.dstack((np.full((*soft.shape, 3), 255, np.uint8), soft))
    masks = [
        encode(image.convert("1"), "PNG"),
        encode(Image.fromarray(colours), "PNG"),
        encode(Image.fromarray(paint), "PNG"),
        encode(image.quantize(8), "PNG"),
        encode(image, "JPEG"),
        encode(image, "BMP"),
        png16(soft.astype(np.uint16)[..., None] * 200),
    ]
    data = encode(Image.fromarray(photo), "PNG")
    for found, its in zip(exported.serve_bytes([data] * len(masks), masks), masks, strict=True):
        assert_same(found, pipeline(data, its))


def test_nothing_masked_comes_back_as_it_is(pipeline, exported, photo) -> None:
    data = encode(Image.fromarray(photo), "PNG")
    black = encode(Image.new("L", (WIDTH, HEIGHT)), "PNG")
    white = encode(Image.new("L", (WIDTH, HEIGHT), 255), "PNG")
    nothing, everything = exported.serve_bytes([data, data], [black, white])
    np.testing.assert_array_equal(nothing.pixels, photo)
    assert nothing.method == "none"
    with pytest.warns(UserWarning, match="everything is masked"):
        assert_same(everything, pipeline(data, white))
    with pytest.warns(UserWarning, match="nothing is masked"):
        assert_same(nothing, pipeline(data, black))


def test_one_bad_picture_or_mask_harms_no_other(pipeline, exported, kinds, mask) -> None:
    good = kinds["png"]
    other_size = encode(Image.new("L", (WIDTH, HEIGHT + 1), 255), "PNG")
    ones = encode(Image.fromarray(np.eye(HEIGHT, WIDTH, dtype=np.uint8)), "PNG")
    bad = [
        (b"", mask),
        (good[:90], mask),
        (b"no picture", mask),
        (good, b""),
        (good, mask[:60]),
        (good, other_size),
        (good, ones),
        (b"", b""),
    ]
    images, masks = zip((good, mask), *bad, (good, mask), strict=True)
    results = exported.serve_bytes(images, masks)
    assert [result.ok for result in results] == [True] + [False] * len(bad) + [True]
    for found in (results[0], results[-1]):
        assert_same(found, pipeline(good, mask))
    for failure in results[1:-1]:
        assert isinstance(failure, FailedResult)
        assert failure.error.startswith("<bytes>: TensorFlow cannot decode it or its mask")
    answer = exported.endpoints["serving_default"](
        image_bytes=tf.constant(images), mask_bytes=tf.constant(masks)
    )
    assert answer["height"].numpy().tolist() == [HEIGHT] + [0] * len(bad) + [HEIGHT]
    assert answer["width"].numpy().tolist() == [WIDTH] + [0] * len(bad) + [WIDTH]
    assert answer["png_bytes"].numpy().tolist()[1:-1] == [b""] * len(bad)
    with Image.open(io.BytesIO(answer["png_bytes"].numpy()[0])) as image:
        assert (image.mode, image.size) == ("RGB", (WIDTH, HEIGHT))


def test_no_pictures_and_too_few_masks(exported, kinds) -> None:
    assert exported.serve_bytes([], []) == []
    with pytest.raises(ValueError, match="a mask for each image; got 0 for 1"):
        exported.serve_bytes([kinds["png"]], [])


def test_the_card_and_the_pipelines_manners(pipeline, served, exported, photo, mask) -> None:
    assert read_card(served) == {
        "task": "inpainting",
        "preset": "gated_unet_micro",
        "stride": 4,
        "metadata": {"licence": "CC0"},
    }
    assert (exported.preset, exported.method) == (pipeline.preset, "auto")
    assert exported.metadata == pipeline.metadata
    assert exported(photo, mask, method="telea").method == "telea"
    results = exported([photo, b"?"], mask, on_error="return")
    assert [result.ok for result in results] == [True, False]
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        pipeline.export(served)


def test_it_needs_neither_keras_nor_the_networks_code(served, photo, mask, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    (tmp_path / "mask.png").write_bytes(mask)
    script = """
import sys
from pipelines import load_exported
result = load_exported(sys.argv[1])(sys.argv[2], sys.argv[3])
print(result.ok, result.method)
"""
    told = run_python(
        script, str(served), str(path), str(tmp_path / "mask.png"), without=("keras",)
    )
    assert told.split() == ["True", "network"]


@pytest.mark.parametrize("lacks", ["stride", "preset"])
def test_a_card_that_lacks_something_is_refused(served, tmp_path, lacks: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(served, copy)
    place = copy / "1" / "assets.extra" / "sightsound.json"
    card = json.loads(place.read_text())
    del card[lacks]
    place.write_text(json.dumps(card))
    with pytest.raises(ExportError, match=f"lacks {lacks}"):
        load_exported(copy)
