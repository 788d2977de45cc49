"""The page that enlarges, used as a visitor would, and tiny presets for it."""

from __future__ import annotations

import base64
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.upscaling import KEY, Visit
from pipelines.results import UpscaledImage

LONG_S = 60  # a busy machine's patience
PRESETS = {"first_x2": 2, "second_x2": 2, "first_x3": 3}


def save_micro_presets(folder: Path) -> None:
    """Write tiny presets, whose weights are random."""
    import keras

    from models.catalog import create_model
    from pipelines.super_resolution.pipeline import SuperResolution

    for seed, (name, scale) in enumerate(PRESETS.items()):
        keras.utils.set_random_seed(seed)
        model = create_model("sesr_micro", scale=scale)
        last = model.get_layer("last_conv")  # which starts at zero: no network would be seen
        last.kernel.assign(keras.random.normal(last.kernel.shape, stddev=0.1))
        facts = {
            "title": f"The {name}",
            "description": "Made for tests.",
            "data": "none",
            "licence": "none",
            "metrics": [
                {"name": "PSNR", "value": 37.5, "unit": "dB", "data": "Set5", "command": "none"}
            ],
        }
        SuperResolution(model, scale=scale, preset=name).save(folder / name, metadata=facts)


def jpeg(pixels: np.ndarray) -> bytes:
    """Make a JPEG file of a photograph, 320 x 213, with EXIF."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x010F] = "A camera"
    Image.fromarray(pixels).resize((320, 213)).save(file, "jpeg", exif=exif)
    return file.getvalue()


def upload(page: AppTest, content: bytes, name: str = "photo.jpg") -> AppTest:
    """Hand a file over."""
    page.file_uploader[0].set_value((name, content, "image/jpeg"))
    return page.run()


def press(page: AppTest, label: str) -> AppTest:
    """Press a button."""
    button(page, label).click()
    return page.run()


def button(page: AppTest, label: str) -> Any:
    """Find a button."""
    return next(button for button in page.button if button.label == label)


def choose(page: AppTest, key: str, value: Any) -> AppTest:
    """Choose an option of a row of buttons."""
    page.button_group(key=key).set_value(value)
    return page.run()


def wait(page: AppTest) -> AppTest:
    """Run the page until nothing is under way."""
    deadline = time.monotonic() + LONG_S
    while any(button.label in ("Cancel", "Cancelling …") for button in page.button):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        page.run()
    assert not page.exception
    return page


def enlarged(page: AppTest) -> AppTest:
    """Press Enlarge and wait."""
    return wait(press(page, "Enlarge"))


def texts(page: AppTest) -> list[str]:
    """Read all text."""
    return [text.value for text in page.markdown]


def slider(page: AppTest) -> dict[str, Any]:
    """Read what the slider is given, its pictures decoded."""
    found = [one.proto for one in page.get("bidi_component")]
    data: dict[str, Any] = json.loads(
        next(proto.json for proto in found if proto.component_name == "before_after")
    )
    for side in ("before", "after"):
        head, _, content = data[side]["url"].partition(",")
        assert head == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            data[side]["pixels"] = np.asarray(image)
    return data


def has_map(page: AppTest) -> bool:
    """Tell whether a part can be chosen."""
    return any(one.proto.component_name == "part_map" for one in page.get("bidi_component"))


def outcome(page: AppTest) -> UpscaledImage:
    """Return what came of the enlargement."""
    visit: Visit = page.session_state[KEY]
    assert visit.work is not None
    assert visit.work.outcome is not None
    return visit.work.outcome.result
