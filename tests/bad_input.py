"""Print what bad input gets: `python -m tests.bad_input > docs/bad_input.md`.

The pictures and sounds are the tables that the tests hold the pipelines and the command line to;
arguments and presets are those of tests/pipelines/classification/test_pipeline.py, tests/pipelines/
audio_generation/test_pipeline.py, tests/pipelines/inpainting/ and tests/pipelines/test_presets.py,
called here once more for their messages.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from models.catalog import create_model
from pipelines import load_exported, pipeline
from pipelines.audio import read_audio
from pipelines.classification.data import load_data
from pipelines.classification.pipeline import ImageClassification
from pipelines.images import read_image
from pipelines.presets import SHIPPED, load_preset
from sightsound.console import visible
from tests.pipelines.audio_generation.generators import plain, speaker
from tests.pipelines.audio_generation.generators import vocoder as vocoding
from tests.pipelines.hostile_audio import HOSTILE_AUDIO
from tests.pipelines.hostile_images import HOSTILE_IMAGES

SHIPPED_NAME = "lenet_modern_mnist"


def main() -> None:
    """Print a Markdown table, a row an input."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rows = list(_rows(folder))
        print("# What bad input gets\n")
        print(f"{len(rows)} inputs, made by `python -m tests.bad_input`, with what each raises.\n")
        print("| input | exception | message |\n|---|---|---|")
        for what, error in rows:
            message = visible(str(error)).replace(f"{folder}{os.sep}", "")
            message = message.replace(str(folder), "FOLDER").replace("|", "\\|")
            print(f"| {what} | {type(error).__name__} | `{message.replace('`', chr(39))}` |")


def _rows(folder: Path) -> Iterator[tuple[str, Exception]]:
    for hostile in HOSTILE_IMAGES:
        place = folder / hostile.id
        place.mkdir()
        yield f"picture: {hostile.id}", _raised(partial(read_image, hostile.make(place)))
    for sound in HOSTILE_AUDIO:
        place = folder / "sound" / sound.id
        place.mkdir(parents=True)
        yield f"sound: {sound.id}", _raised(partial(read_audio, sound.make(place)))
    classify = ImageClassification.from_preset(SHIPPED_NAME)
    calls = {**_arguments(classify, folder), **_generation(), **_inpainting(), **_presets(folder)}
    for what, call in calls.items():
        yield what, _raised(call)


def _arguments(classify: ImageClassification, folder: Path) -> dict[str, Callable[[], object]]:
    digit = np.zeros((8, 8), np.uint8)
    return {
        "`classify(x, top_k=0)`": lambda: classify(digit, top_k=0),
        "`classify(x, batch_size=-1)`": lambda: classify(digit, batch_size=-1),
        "`classify(x, on_error='explode')`": lambda: classify(digit, on_error="explode"),  # type: ignore[arg-type] # wrong on purpose
        "`classify(None)`": lambda: classify(None),
        "`classify.export(taken)`": lambda: [classify.export(folder / "e") for _ in range(2)],
        "`pipeline('image-clasification')`": lambda: pipeline("image-clasification"),
        "`create_model('lenet_5')`": lambda: create_model("lenet_5"),
        "`create_model('lenet5', colour=1)`": lambda: create_model("lenet5", colour=1),
        "`create_model('lenet5', classes=0)`": lambda: create_model("lenet5", classes=0),
        "`create_model('lenet5_1998', input_shape=(28, 28, 1))`": lambda: create_model(
            "lenet5_1998", input_shape=(28, 28, 1)
        ),
        "`load_data('mnits')`": lambda: load_data("mnits"),
        "`load_exported(empty folder)`": lambda: load_exported(folder),
    }


def _generation() -> dict[str, Callable[[], object]]:
    say, hum, vocoder = speaker(), plain(), vocoding()
    stereo = (np.zeros((1600, 2)), 16_000)
    return {
        "`generate(label='sevn')`": lambda: say(label="sevn"),
        "`generate(speeker='theo')`": lambda: say(speeker="theo"),
        "`generate(label=['one', 'two'], seed=[1, 2, 3])`": lambda: say(
            label=["one", "two"], seed=[1, 2, 3]
        ),
        "`generate(seconds=-1)`": lambda: say(-1),
        "`generate(seed=-1)`": lambda: say(seed=-1),
        "`generate(temperature=-1)`": lambda: say(temperature=-1),
        "`generate(top_k=0)`": lambda: say(top_k=0),
        "`generate(driver='cuda')`": lambda: say(driver="cuda"),
        "`generate()` of a vocoder": lambda: vocoder(),
        "`vocode(x)` without a vocoder": lambda: hum.vocode(stereo),
        "`vocode(stereo)`": lambda: vocoder.vocode(stereo),
        "`vocode(frames.T)`": lambda: vocoder.vocode(np.zeros((12, 30), np.float32)),
        "`vocode(frames of NaN)`": lambda: vocoder.vocode(np.full((3, 12), np.nan)),
        "`continue_from(stereo)`": lambda: hum.continue_from(stereo),
        "`score(x)` without its labels": lambda: say.score(stereo, convert=True),
    }


def _inpainting() -> dict[str, Callable[[], object]]:
    fill, photo = pipeline("inpainting", method="telea"), np.zeros((8, 9, 3), np.uint8)
    white = np.ones((8, 9), bool)
    return {
        "`inpaint(x)` without a mask": lambda: fill(photo),
        "`inpaint(x, mask, boxes=...)`": lambda: fill(photo, white, boxes=[(0, 0, 1, 1)]),
        "`inpaint(x, mask of another size)`": lambda: fill(photo, white.T),
        "`inpaint(x, mask of zeros and ones)`": lambda: fill(photo, np.eye(8, 9, dtype=np.uint8)),
        "`inpaint(x, mask in int64)`": lambda: fill(photo, white.astype(int)),
        "`inpaint(x, mask of NaN)`": lambda: fill(photo, np.full((8, 9), np.nan)),
        "`inpaint(x, mask that is text)`": lambda: fill(photo, b"no picture"),
        "`inpaint([x, x], [mask])`": lambda: fill([photo, photo], [white]),
        "`inpaint(x, boxes=[(0, 0, 10, 1)])`": lambda: fill(photo, boxes=[(0, 0, 10, 1)]),
        "`inpaint(x, boxes=[(0, 0, 1.5, 1)])`": lambda: fill(photo, boxes=[(0, 0, 1.5, 1)]),
        "`inpaint(x, boxes=(0, 0, 1, 1))`": lambda: fill(photo, boxes=(0, 0, 1, 1)),
        "`inpaint(x, mask, method='tela')`": lambda: fill(photo, white, method="tela"),
        "`inpaint(x, mask, method='network')` without one": lambda: fill(
            photo, white, method="network"
        ),
    }


def _presets(folder: Path) -> dict[str, Callable[[], object]]:
    def spoilt(file: str) -> Path:
        copy = folder / f"spoilt_{file}"
        shutil.copytree(SHIPPED / SHIPPED_NAME, copy)
        data = bytearray((copy / file).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / file).write_bytes(data)
        return copy

    return {
        "preset: unknown name": lambda: load_preset("lenet_modem_mnist"),
        "preset: damaged weights": lambda: load_preset(spoilt("model.weights.h5")),
        "preset: changed config": lambda: load_preset(spoilt("config.json")),
        "preset: a folder that is none": lambda: load_preset(folder),
    }


def _raised(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("bad input was taken")


if __name__ == "__main__":
    main()
