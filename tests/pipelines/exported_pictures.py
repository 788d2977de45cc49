"""What tests of exports that return pictures share: every kind of file, and what must come back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from pipelines.results import PictureResult
from tests.pipelines.encoded_images import encode, png16

HEIGHT, WIDTH = 47, 61


def piece(photographs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return a piece of a photograph with detail, (47, 61, 3)."""
    return photographs["china"][150 : 150 + HEIGHT, 300 : 300 + WIDTH]


def every_kind(photo: np.ndarray) -> dict[str, bytes]:
    """Return every kind of file that TensorFlow decodes to the pixels that Python does.

    Their names tell what is in them: "grey", "la" and "rgba" layers, "deep" ones of 16 bits.
    """
    rgb = Image.fromarray(photo)
    see_through = rgb.copy()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    alpha = np.clip(300 - 12 * np.hypot(rows - 20, columns - 25), 0, 255).astype(np.uint8)
    see_through.putalpha(Image.fromarray(alpha))
    deep = photo.astype(np.uint16) * 257 + np.arange(WIDTH, dtype=np.uint16)[:, None]
    deep_alpha = alpha.astype(np.uint16)[..., None] * 257
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "png": encode(rgb, "PNG"),
        "grey_png": encode(rgb.convert("L"), "PNG"),
        "rgba_png": encode(see_through, "PNG"),
        "la_png": encode(see_through.convert("LA"), "PNG"),
        "palette_png": encode(rgb.quantize(64), "PNG", transparency=3),
        "deep_png": png16(deep),
        "deep_grey_png": png16(deep[..., :1]),
        "deep_la_png": png16(np.dstack([deep[..., :1], deep_alpha])),
        "deep_rgba_png": png16(np.dstack([deep, deep_alpha])),
        "jpeg": encode(rgb, "JPEG", quality=90),
        "grey_jpeg": encode(rgb.convert("L"), "JPEG"),
        "turned_jpeg": encode(rgb, "JPEG", exif=turned),
        "webp": encode(rgb, "WEBP", lossless=True),
        "rgba_webp": encode(see_through, "WEBP", quality=80),
        "gif": encode(rgb.quantize(64), "GIF"),
        "bmp": encode(rgb, "BMP"),
    }


def assert_same_picture(found: PictureResult, wanted: PictureResult) -> None:
    """Check that both hold the same bits; where nothing is said, all is opaque."""
    assert found.preset == wanted.preset
    assert found.pixels.dtype == wanted.pixels.dtype
    np.testing.assert_array_equal(found.pixels, wanted.pixels)
    opaque = np.full(wanted.size_px, np.iinfo(wanted.pixels.dtype).max, wanted.pixels.dtype)
    alpha, expected = (opaque if r.alpha is None else r.alpha for r in (found, wanted))
    np.testing.assert_array_equal(alpha, expected)


def assert_kinds_kept(found: Mapping[str, PictureResult]) -> None:
    """Check that results have the layers and the depth of the files they were made from."""
    clear = {kind for kind in found if found[kind].alpha is not None}
    assert clear == {kind for kind in found if any(w in kind for w in ("rgba", "la_", "palette"))}
    deep = {kind for kind in found if found[kind].pixels.dtype == np.uint16}
    assert deep == {kind for kind in found if "deep" in kind}
    grey = {kind for kind in found if found[kind].pixels.shape[2] == 1}
    assert grey == {"grey_png", "la_png", "deep_grey_png", "deep_la_png", "grey_jpeg"}
