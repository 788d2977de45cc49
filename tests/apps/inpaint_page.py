"""The page that removes things, used as a visitor would, and a tiny preset for it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.inpainting import KEY, Inpainted, Sheet, Visit
from apps.mask_canvas import PNG_URL, Drawing
from tests.apps.upscale_page import press, wait

PRESET = "a_network"
SIZE = (80, 120)  # of the photographs
HOLE = (slice(30, 50), slice(40, 70))


def save_micro_preset(folder: Path) -> None:
    """Write a tiny preset, whose weights are random."""
    import keras

    from models.catalog import create_model
    from pipelines.inpainting.pipeline import Inpainting

    keras.utils.set_random_seed(3)
    model = create_model("gated_unet_micro")
    for weight in model.get_layer("last_conv").weights:  # it starts at zero: the first fill alone
        weight.assign(keras.random.normal(weight.shape, stddev=0.1))
    facts = {
        "title": "The network",
        "description": "Made for tests.",
        "data": "none",
        "licence": "none",
        "metrics": [{"name": "PSNR", "value": 20.5, "unit": "dB", "data": "x", "command": "none"}],
    }
    Inpainting(model, preset=PRESET).save(folder / PRESET, metadata=facts)


def picture(pixels: np.ndarray, form: str = "png") -> bytes:
    """Make a file of a small part of a photograph, with EXIF."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x010F] = "A camera"
    Image.fromarray(pixels[100:, 200:][: SIZE[0], : SIZE[1]]).save(file, form, exif=exif)
    return file.getvalue()


def hole(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a mask (H, W) uint8 of a rectangle."""
    mask: np.ndarray = np.zeros(size, np.uint8)
    mask[HOLE] = 255
    return mask


def mask_png(mask: np.ndarray) -> bytes:
    """Write a mask as a file."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "png")
    return file.getvalue()


def visit_of(page: AppTest) -> Visit:
    """Return what the visitor has."""
    visit: Visit = page.session_state[KEY]
    return visit


def sheet_of(page: AppTest) -> Sheet:
    """Return what is drawn on."""
    sheet = visit_of(page).source
    assert sheet is not None
    return sheet


def draw(page: AppTest, mask: np.ndarray) -> AppTest:
    """Draw a mask, as the browser sends it."""
    file = io.BytesIO()
    Image.fromarray(np.dstack((np.zeros((*mask.shape, 3), np.uint8), mask))).save(file, "png")
    drawing: Drawing = page.session_state[f"{sheet_of(page).canvas}.drawing"]
    drawing.take(PNG_URL + base64.b64encode(file.getvalue()).decode())
    return page.run()


def choose_method(page: AppTest, method: str) -> AppTest:
    """Choose what fills."""
    page.selectbox(key="inpaint.method").set_value(method)
    return page.run()


def hand_mask(page: AppTest, content: bytes, name: str = "mask.png") -> AppTest:
    """Hand a mask over."""
    page.file_uploader[1].set_value((name, content, "image/png"))
    return page.run()


def removed(page: AppTest) -> Inpainted:
    """Press Remove, wait, and return what came of it."""
    made = made_on(page)
    assert [error.value for error in page.error] == []
    return made


def made_on(page: AppTest) -> Inpainted:
    """Do so on a page that complains of something else."""
    wait(press(page, "Remove"))
    work = visit_of(page).work
    assert work is not None
    assert work.outcome is not None, work.failure
    return work.outcome
