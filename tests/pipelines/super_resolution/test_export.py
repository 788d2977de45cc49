"""An exported upscaler is the pipeline that it was written from, bit for bit, on every way into it.

The micro networks are plain convolutions, which round alike at every call. Transposed ones
(FSRCNN's) do not always, in the pipeline neither.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipelines import load_exported
from pipelines.export import ExportError, read_card
from pipelines.images import ImageError, read_image
from pipelines.results import FailedResult, UpscaledImage
from pipelines.super_resolution import export
from pipelines.super_resolution.export import ExportedUpscaler, export_upscaler
from pipelines.super_resolution.pipeline import SuperResolution
from pipelines.super_resolution.tiling import USUAL_BYTES, Needs
from pipelines.super_resolution.upscaler import Upscaler
from tests.pipelines.encoded_images import encode
from tests.pipelines.exported_pictures import (
    HEIGHT,
    WIDTH,
    assert_kinds_kept,
    assert_same_picture,
    every_kind,
    piece,
)
from tests.pipelines.python_process import run_python
from tests.pipelines.super_resolution.upscalers import upscaler

# On luma; on what is enlarged already; on RGB.
NETWORKS = [("sesr_micro", 2), ("srcnn_micro", 3), ("edsr_micro", 4)]
SMALL = (260, 331)  # the largest picture that `tiled` takes


Made = Callable[[str, int], tuple[SuperResolution, Path]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return a pipeline and where it was exported to, once for each network."""

    @cache
    def exported(name: str, scale: int) -> tuple[SuperResolution, Path]:
        pipeline = upscaler(name, scale)
        pipeline.metadata = {"licence": "CC0"}
        return pipeline, pipeline.export(tmp_path_factory.mktemp(name) / "served")

    return exported


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda network: network[0])
def pair(request, made: Made) -> tuple[SuperResolution, ExportedUpscaler]:
    """Return a pipeline and its export."""
    pipeline, folder = made(*request.param)
    return pipeline, ExportedUpscaler(folder)


@pytest.fixture(scope="module")
def sesr(made: Made) -> SuperResolution:
    return made(*NETWORKS[0])[0]


@pytest.fixture(scope="module")
def served(made: Made) -> Path:
    return made(*NETWORKS[0])[1]


@pytest.fixture(scope="module")
def exported(served: Path) -> ExportedUpscaler:
    found: ExportedUpscaler = load_exported(served)
    return found


@pytest.fixture(scope="module")
def photo(photographs) -> np.ndarray:
    return piece(photographs)


@pytest.fixture(scope="module")
def kinds(photo) -> dict[str, bytes]:
    return every_kind(photo)


def assert_same(found: UpscaledImage, wanted: UpscaledImage) -> None:
    assert_same_picture(found, wanted)
    assert found.scale == wanted.scale


def test_arrays_give_the_same_bits(pair, photo) -> None:
    pipeline, exported = pair
    deep = photo.astype(np.uint16) * 257 + 77
    for picture in (photo, photo[..., 0], deep, photo[:1, :1]):
        assert_same(exported(picture), pipeline(picture))
    assert (exported.scale, exported.colour) == (pipeline.scale, pipeline.colour)


def test_the_array_endpoint_gives_the_same_bits(pair, photo) -> None:
    pipeline, exported = pair
    pictures = np.stack([photo, photo[::-1], photo[:, ::-1]])
    answer = exported.endpoints["serve_array"](pictures=tf.constant(pictures))
    expected = np.stack([result.pixels for result in pipeline(pictures)])
    np.testing.assert_array_equal(answer["enlarged"], expected)


def test_the_bytes_endpoint_gives_the_same_bits(pair, photo) -> None:
    pipeline, exported = pair
    files = [encode(Image.fromarray(picture), "PNG") for picture in (photo, photo[:20, :33])]
    for found, wanted in zip(exported.serve_bytes(files), pipeline(files), strict=True):
        assert_same(found, wanted)


def test_every_kind_of_file_gives_the_same_bits(sesr, exported, kinds) -> None:
    found = dict(zip(kinds, exported.serve_bytes(list(kinds.values())), strict=True))
    for kind, data in kinds.items():
        assert_same(found[kind], sesr(data))
        assert_same(exported(data), sesr(data))
    assert_kinds_kept(found)


def test_grey_in_a_file_of_colours_is_told_by_its_pixels(sesr, exported, photo) -> None:
    data = encode(Image.fromarray(photo).convert("L").convert("RGB"), "PNG")
    found, wanted = exported.serve_bytes([data])[0], sesr(data)
    assert (found.pixels.shape[2], wanted.pixels.shape[2]) == (1, 3)
    # Luma of three equal channels is a sum of three products, of one it is one product.
    assert np.abs(found.pixels.astype(int) - wanted.pixels).max() <= 1


def test_png_holds_no_more_layers_than_there_are(exported, kinds) -> None:
    images = tf.constant(list(kinds.values()))
    files = exported.endpoints["serving_default"](image_bytes=images)["png_bytes"].numpy()
    modes = {
        kind: Image.open(io.BytesIO(file)).mode for kind, file in zip(kinds, files, strict=True)
    }
    assert {kind: modes[kind] for kind in ("png", "grey_png", "rgba_png", "la_png")} == {
        "png": "RGB",
        "grey_png": "L",
        "rgba_png": "RGBA",
        "la_png": "LA",
    }
    assert modes["deep_grey_png"] == "I;16"


@pytest.fixture(scope="module")
def tiled(tmp_path_factory) -> tuple[SuperResolution, ExportedUpscaler]:
    """A pipeline and an export of small tiles, the latter of small pictures only."""
    pipeline = upscaler("sesr_micro", 2)
    enlargement, usual = pipeline._upscaler.enlargement, pipeline._upscaler.needs
    # A pixel that is said to need so much memory leaves tiles of 100 pixels a side.
    needs = Needs(usual.overlap_px, USUAL_BYTES // 100**2)
    pipeline._upscaler = Upscaler(pipeline._engine, enlargement, needs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "MOST_VALUES", 4 * 2**2 * SMALL[0] * SMALL[1])
        folder = export_upscaler(
            tmp_path_factory.mktemp("tiled"),
            network=pipeline.model,
            enlargement=enlargement,
            needs=needs,
            preset=pipeline.preset,
            metadata={},
        )
    return pipeline, ExportedUpscaler(folder)


def test_pictures_of_many_tiles_give_the_same_bits(tiled, photographs) -> None:
    pipeline, exported = tiled
    photo = photographs["flower"][: SMALL[0], : SMALL[1]]
    assert len(pipeline._upscaler.begin(photo).tiles) == 12
    expected = pipeline(photo)
    answer = exported.endpoints["serve_array"](pictures=tf.constant(photo[None]))["enlarged"][0]
    np.testing.assert_array_equal(answer, expected.pixels)
    assert_same(exported(photo), expected)
    see_through = Image.fromarray(photo)
    see_through.putalpha(Image.linear_gradient("L").resize(SMALL[::-1]))
    data = encode(see_through, "PNG")
    assert_same(exported.serve_bytes([data])[0], pipeline(data))


def test_what_tensorflow_cannot_write_as_png_is_refused(tiled) -> None:
    height, width = SMALL
    files = [encode(Image.new("L", size), "PNG") for size in ((width, height), (width + 1, height))]
    answer = tiled[1].endpoints["serving_default"](image_bytes=tf.constant(files))
    assert answer["ok"].numpy().tolist() == [True, False]
    assert answer["height"].numpy().tolist() == [2 * height, 0]
    # Beyond it, TensorFlow raises, and a whole batch would be lost.
    assert export.MOST_VALUES == 2**31 - 1


def test_one_bad_picture_harms_no_other(sesr, exported, kinds) -> None:
    good = [kinds["png"], kinds["grey_jpeg"], kinds["rgba_webp"]]
    bad = [b"", b"no picture", good[0][:90], good[1][: len(good[1]) // 2]]
    results = exported.serve_bytes([good[0], *bad, *good[1:]])
    assert [result.ok for result in results] == [True] + [False] * len(bad) + [True] * 2
    for found, data in zip((result for result in results if result.ok), good, strict=True):
        assert_same(found, sesr(data))
    for failure in results[1 : 1 + len(bad)]:
        assert isinstance(failure, FailedResult)
        assert failure.error_type == "ImageError"
        assert failure.error.startswith("<bytes>: TensorFlow cannot decode it")


def test_of_a_bad_picture_nothing_looks_like_a_result(exported) -> None:
    answer = exported.endpoints["serving_default"](image_bytes=tf.constant([b"", b"?"]))
    assert answer["ok"].numpy().tolist() == [False, False]
    assert answer["png_bytes"].numpy().tolist() == [b"", b""]
    assert answer["height"].numpy().tolist() == answer["width"].numpy().tolist() == [0, 0]


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_of_any_size(exported, photo, batch) -> None:
    files = [encode(Image.fromarray(photo[: 10 + n]), "PNG") for n in range(batch)]
    answer = exported.endpoints["serving_default"](image_bytes=tf.constant(files))
    assert {name: tuple(value.shape) for name, value in answer.items()} == dict.fromkeys(
        ("png_bytes", "ok", "height", "width"), (batch,)
    )
    assert answer["height"].numpy().tolist() == [2 * (10 + n) for n in range(batch)]
    assert answer["width"].numpy().tolist() == [2 * WIDTH] * batch
    pictures = np.stack([photo] * batch)
    enlarged = exported.endpoints["serve_array"](pictures=tf.constant(pictures))["enlarged"]
    assert (enlarged.shape, enlarged.dtype) == ((batch, 2 * HEIGHT, 2 * WIDTH, 3), tf.uint8)


def test_the_pipeline_s_manners(sesr, exported, photo, tmp_path: Path) -> None:
    for place in range(3):
        Image.fromarray(photo[place:]).save(tmp_path / f"{place}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    results = exported(tmp_path, on_error="return")
    assert [result.ok for result in results] == [True] * 3 + [False]
    assert results[0].source == str(tmp_path / "0.png")
    assert_same(results[2], sesr(photo[2:]))
    assert len(exported(tmp_path, on_error="skip")) == 3
    with pytest.raises(ImageError, match=r"broken\.png"):
        exported(tmp_path)
    seen: list[tuple[int, int]] = []
    tiled = exported(photo, tile=25, on_tile=lambda done, count: seen.append((done, count)))
    assert_same(tiled, sesr(photo))
    assert seen == [(n + 1, len(seen)) for n in range(len(seen))]
    assert len(seen) > 1
    stream = exported(iter([photo, photo]))
    assert not isinstance(stream, list)
    assert [result.size_px for result in stream] == [(2 * HEIGHT, 2 * WIDTH)] * 2
    assert exported.serve_bytes([]) == []
    saved = results[0].save(tmp_path / "large.png")
    np.testing.assert_array_equal(read_image(saved).pixels, sesr(photo).pixels)


def test_evaluation_gives_the_same_figures(sesr, exported, photographs) -> None:
    pictures = [photograph[:120, :160] for photograph in photographs.values()]
    assert exported.evaluate(pictures).to_dict() == sesr.evaluate(pictures).to_dict()


def test_what_it_is_travels_with_it(served, exported) -> None:
    assert (exported.preset, exported.metadata) == ("sesr_micro", {"licence": "CC0"})
    card = read_card(served)
    assert card["task"] == "super-resolution"
    assert card["enlargement"] == {"scale": 2, "colour": "luma", "enlarged": False}


@pytest.mark.slow
def test_weights_are_stored_once(tmp_path: Path) -> None:
    pipeline = upscaler("sesr_c32", 2)
    folder = pipeline.export(tmp_path) / "1"
    kernels = [layer.kernel.numpy() for layer in pipeline.model.layers if "conv" in layer.name]
    graph = (folder / "saved_model.pb").read_bytes()
    assert [graph.count(kernel.tobytes()) for kernel in kernels] == [1] * 10
    stored = sum(file.stat().st_size for file in (folder / "variables").iterdir())
    assert stored < 1000  # bookkeeping


def test_weights_are_written_as_they_are(photo, tmp_path: Path) -> None:
    pipeline = upscaler("sesr_micro", 2)
    before = pipeline(photo).pixels
    kernel = pipeline.model.get_layer("last_conv").kernel
    kernel.assign(kernel + 0.1)
    exported = ExportedUpscaler(pipeline.export(tmp_path))
    assert (exported(photo).pixels != before).any()
    assert_same(exported(photo), pipeline(photo))
    expected = exported(photo).pixels
    kernel.assign(kernel + 0.1)
    np.testing.assert_array_equal(exported(photo).pixels, expected)


def test_saved_model_cli_runs_it(served, sesr, kinds, tmp_path: Path) -> None:
    files = [kinds["jpeg"], b"broken"]
    np.save(tmp_path / "files.npy", np.array(files, dtype=object))
    run_python(
        "from tensorflow.python.tools.saved_model_cli import main; main()",
        *("run", "--dir", str(served / "1"), "--tag_set", "serve"),
        *("--signature_def", "serving_default", "--outdir", str(tmp_path)),
        *("--inputs", f"image_bytes={tmp_path / 'files.npy'}"),
    )
    assert np.load(tmp_path / "ok.npy").tolist() == [True, False]
    png = np.load(tmp_path / "png_bytes.npy", allow_pickle=True)[0]
    np.testing.assert_array_equal(read_image(png).pixels, sesr(kinds["jpeg"]).pixels)


WITH_TENSORFLOW = """
import sys
import tensorflow as tf
root = tf.saved_model.load(sys.argv[1])
files = tf.stack([tf.io.read_file(sys.argv[2])])
answer = root.signatures["serving_default"](image_bytes=files)
tf.io.write_file(sys.argv[3], answer["png_bytes"][0])
"""
WITHOUT_US = ("keras", "sightsound", "pipelines", "models", "PIL")

WITH_US = """
import sys
from pipelines import load_exported
load_exported(sys.argv[1])(sys.argv[2]).save(sys.argv[3])
"""
WITHOUT_KERAS = ("keras", "tf_keras", "h5py", "models.catalog", "models.weights", "models.explain")


@pytest.mark.parametrize(
    ("script", "without"),
    [(WITH_TENSORFLOW, WITHOUT_US), (WITH_US, WITHOUT_KERAS)],
    ids=["tensorflow", "ours"],
)
def test_it_runs_without_keras_from_wherever_it_lies(
    served, sesr, kinds, tmp_path: Path, script, without
) -> None:
    (tmp_path / "in.jpg").write_bytes(kinds["turned_jpeg"])
    moved = shutil.copytree(served / "1", tmp_path / "moved")
    paths = map(str, (moved, tmp_path / "in.jpg", tmp_path / "out.png"))
    run_python(script, *paths, without=without)
    found = read_image(tmp_path / "out.png").pixels
    np.testing.assert_array_equal(found, sesr(kinds["turned_jpeg"]).pixels)


def test_a_card_without_what_is_needed_is_refused(served, tmp_path: Path) -> None:
    copy = shutil.copytree(served / "1", tmp_path / "copy")
    card = copy / "assets.extra" / "sightsound.json"
    stated = json.loads(card.read_text("utf-8"))
    del stated["needs"]
    card.write_text(json.dumps(stated))
    with pytest.raises(ExportError, match="lacks needs"):
        load_exported(copy)
