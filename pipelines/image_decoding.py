"""Encoded bytes and PIL images as pictures: upright, RGB, at their full bit depth.

Pillow decodes. Three things it leaves to us: 16-bit colour, of which it hands out only the high
byte; its limit on the number of pixels, which is one global for the process, so the format's class
is called directly and the size checked here; and formats that start other programs, which are left
out.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pipelines.image_arrays import picture_from_array
from pipelines.image_metadata import icc_profile, orientation_and_exif
from pipelines.image_signatures import announced_size, readable_format, unreadable_kind
from pipelines.picture import (
    DEFAULT_LIMITS,
    ImageError,
    Limits,
    Picture,
    check_size,
    refusal,
    rgb_copy,
)

FORMATS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
}

# Modes that become another one first, without loss that eight bits would show.
SIMPLER_MODE = {
    "La": "LA",
    "PA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}

# EXIF orientation 2 to 8: how the stored rows and columns become upright ones.
UPRIGHT = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


class Layers(NamedTuple):
    """Colour (H, W, 1) or (H, W, 3), alpha (H, W) or None; both uint8 or both uint16."""

    colour: np.ndarray
    alpha: np.ndarray | None = None


def decode(data: bytes, *, source: str = "<bytes>", limits: Limits = DEFAULT_LIMITS) -> Picture:
    """Decode an encoded picture, of an animation the first frame.

    Raises:
        ImageError: It is empty, too large, of no format read here, damaged or cut short.
    """
    if not data:
        raise refusal(source, "is empty; pass a picture's bytes")
    if len(data) > limits.max_bytes:
        raise too_many_bytes(source, len(data), limits)
    name = readable_format(data)
    if name is None:
        kind, remedy = unreadable_kind(data)
        raise refusal(source, f"is {kind}; {remedy}; read here are {', '.join(FORMATS)}")
    if size := announced_size(name, data):
        check_size(source, *size, limits)
    with _blaming(source, f"cannot be decoded as {name}"):
        image = FORMATS[name](io.BytesIO(data))
        check_size(source, image.height, image.width, limits)
        _check_completeness(image, data, source)
        if isinstance(image, PngImagePlugin.PngImageFile):
            _prepare_png(image)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            _prepare_tiff(image, source, limits)
        layers = _pnm_layers(image, data, source) or _deep_layers(image, data, source)
        if layers is None:
            image.load()
            layers = _layers(image, source)
        return _picture(image, layers, source)


def picture_from_pil(
    image: Image.Image, *, source: str = "<PIL image>", limits: Limits = DEFAULT_LIMITS
) -> Picture:
    """Copy a PIL image, of an animation the current frame, into a `Picture`.

    An image that Pillow opened from a file with 16-bit colour holds only 8 bits: pass the path.

    Raises:
        ImageError: It is too large, closed, damaged, or of a mode without a defined white.
    """
    check_size(source, image.height, image.width, limits)
    if image.format == "EPS":
        raise refusal(source, "an EPS image would run Ghostscript to load; convert it to PNG first")
    with _blaming(source, f"cannot be loaded as {image.format or image.mode}"):
        image.load()
        return _picture(image, _layers(image, source), source)


def too_many_bytes(source: str, size: int, limits: Limits) -> ImageError:
    """Return the error for encoded data beyond `limits.max_bytes`."""
    return refusal(
        source,
        f"may have at most {limits.max_bytes:,} bytes; got {size:,}; "
        "pass Limits(max_bytes=...) if you trust it",
    )


@contextmanager
def _blaming(source: str, failure: str) -> Iterator[None]:
    """Turn whatever a decoder throws at hostile bytes into an error that names the source."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise refusal(
            source, f"{failure}: {error} Raise PIL.Image.MAX_IMAGE_PIXELS as well if you trust it"
        ) from error
    except Exception as error:
        detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise refusal(source, f"{failure}; it is damaged or cut short ({detail})") from error


def _check_completeness(image: ImageFile.ImageFile, data: bytes, source: str) -> None:
    """Refuse what lacks its end, where the format tells so without decoding."""
    complete = True
    if image.format == "PNG":
        complete = b"IEND" in data[-4096:] or b"IEND" in data  # the end first: it is nearly free
    elif image.format == "WEBP":
        complete = len(data) >= 8 + int.from_bytes(data[4:8], "little")
    if not complete:
        raise refusal(source, f"is cut short: the end of the {image.format} data is missing")


def _prepare_png(image: PngImagePlugin.PngImageFile) -> None:
    """Scale the transparent grey of few bits as Pillow scales the pixels."""
    white = {"1": 1, "L;2": 3, "L;4": 15}.get(str(image.tile[0].args))
    if white and "transparency" in image.info:
        # Some versions of Pillow have scaled that of one bit.
        image.info["transparency"] = min(image.info["transparency"], white) * 255 // white


def _prepare_tiff(image: TiffImagePlugin.TiffImageFile, source: str, limits: Limits) -> None:
    """Refuse TIFFs that Pillow would misread, and make room for the rest."""
    tags = image.tag_v2
    if tags.get(254, 0) & 1 or 50706 in tags:  # NewSubfileType: a reduced copy; DNGVersion
        raise refusal(
            source, "is a camera's raw file or a thumbnail; develop it to JPEG or PNG first"
        )
    tile_px = tags.get(322, 1) * tags.get(323, 1)  # TileWidth, TileLength: buffers of that size
    if tile_px > limits.max_pixels:
        raise refusal(source, f"has tiles of {tile_px:,} pixels; at most {limits.max_pixels:,}")
    if max(tags.get(258, (1,))) == 16 and tags.get(284, 1) == 2:  # BitsPerSample, planar
        raise refusal(source, "has 16-bit channels in separate planes; save it interleaved")
    if image.width * image.height > (Image.MAX_IMAGE_PIXELS or sys.maxsize):
        # With the memory there already, Pillow skips its own check, which would warn.
        image.im = Image.new(image.mode, (tags[256], tags[257])).im


def _picture(image: Image.Image, layers: Layers, source: str) -> Picture:
    """Turn the layers upright, widen grey to RGB, and take the metadata along."""
    colour, alpha = layers
    grey = colour.shape[2] == 1
    orientation, exif = orientation_and_exif(image)
    if turn := UPRIGHT.get(orientation):
        colour = turn(colour)
        alpha = None if alpha is None else turn(alpha)
    # Colour that lies in order already is ours alone: nothing to copy.
    pixels = rgb_copy(colour) if grey else np.ascontiguousarray(colour)
    pixels.setflags(write=False)
    if alpha is not None:
        alpha = np.ascontiguousarray(alpha)
        alpha.setflags(write=False)
    return Picture(pixels, source, grey, alpha, image.format, icc_profile(image), exif)


def _layers(image: Image.Image, source: str) -> Layers:
    """Return the layers of a loaded image, in eight bits unless it has sixteen."""
    mode = image.mode
    if mode in ("CMYK", "LAB"):
        return Layers(np.asarray(_to_srgb(image)))
    if mode in ("I", "F"):
        return _wide_layers(image, source)
    if mode == "P":
        image = _look_up_palette(image)
    elif mode in SIMPLER_MODE:
        image = image.convert(SIMPLER_MODE[mode])

    values = np.asarray(image)
    if values.dtype == bool:
        values = values * np.uint8(255)
    elif values.dtype != np.uint8:
        values = _grey16(image, values)
    if values.ndim == 2:
        values = values[:, :, None]
    if image.mode in ("RGBA", "LA"):
        return Layers(values[:, :, :-1], values[:, :, -1])
    return _with_transparent_colour(image, values)


def _look_up_palette(image: Image.Image) -> Image.Image:
    """Return the colours of palette indices; grey if the palette holds nothing else."""
    palette = np.asarray(image.getpalette("RGB")).reshape(-1, 3)
    grey = (palette == palette[:, :1]).all()
    if image.has_transparency_data:
        return image.convert("LA" if grey else "RGBA")
    return image.convert("L" if grey else "RGB")


def _with_transparent_colour(image: Image.Image, colour: np.ndarray) -> Layers:
    """Add the alpha of a PNG's tRNS chunk, which names one colour as transparent."""
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int | tuple):
        return Layers(colour)
    opaque = (colour != np.asarray(transparent)).any(axis=2)
    return Layers(colour, opaque * colour.dtype.type(np.iinfo(colour.dtype).max))


def _grey16(image: Image.Image, values: np.ndarray) -> np.ndarray:
    """Return 16-bit grey in this machine's byte order, full scale, with white on top."""
    values = values.astype(np.uint16)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if image.tag_v2.get(258) == (12,):  # BitsPerSample
            values = ((values.astype(np.uint32) * 65535 + 2047) // 4095).astype(np.uint16)
        if image.tag_v2.get(262) == 0:  # PhotometricInterpretation: WhiteIsZero
            values = 65535 - values
    return values


def _wide_layers(image: Image.Image, source: str) -> Layers:
    """Return 32-bit grey, if its values have a defined white."""
    values = np.asarray(image)
    if image.format == "PPM" and image.mode == "I":  # Pillow has scaled it to 16 bits
        values = values.astype(np.uint16)
    picture = picture_from_array(values, source=source, limits=Limits(max_pixels=sys.maxsize))
    return Layers(picture.pixels[:, :, :1])


def _deep_layers(image: ImageFile.ImageFile, data: bytes, source: str) -> Layers | None:
    """Return the layers of 16-bit colour; None for everything else.

    Pillow unpacks such samples by a "raw mode" that keeps the high byte. The raw mode for the
    opposite byte order keeps the low byte: decoding twice gives all sixteen bits.
    """
    if not isinstance(image, PngImagePlugin.PngImageFile | TiffImagePlugin.TiffImageFile):
        return None
    args = image.tile[0].args
    raw_mode = str(args[0] if isinstance(args, tuple) else args)
    found = re.fullmatch("(RGB|RGBA|RGBX|RGBa|LA);16([BLN])", raw_mode)
    if not found:
        return None
    channels, order = found.groups()
    if channels == "RGBa":
        raise refusal(source, "has 16 bits premultiplied with alpha; save it with straight alpha")
    if channels == "LA":  # four bytes a pixel, which "RGBA" hands out as they are
        values = _decode_as("RGBA", image, data).view(">u2")
        return Layers(values[:, :, :1].astype(np.uint16), values[:, :, 1].astype(np.uint16))
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    low = _decode_as(f"{channels};16{'B' if little else 'L'}", image, data)
    image.load()
    values = np.asarray(image).astype(np.uint16) << 8 | low
    if channels == "RGBA":
        return Layers(values[:, :, :3], values[:, :, 3])
    return _with_transparent_colour(image, values)


def _decode_as(raw_mode: str, image: ImageFile.ImageFile, data: bytes) -> np.ndarray:
    """Decode `data`, already opened as `image`, with its samples unpacked in another way."""
    again = type(image)(io.BytesIO(data))
    again.tile = [
        tile._replace(args=(raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode)
        for tile in again.tile
    ]
    return np.asarray(again)


def _pnm_layers(image: ImageFile.ImageFile, data: bytes, source: str) -> Layers | None:
    """Return the layers of a binary PGM or PPM with an unusual or 16-bit maximum; else None.

    Pillow scales these sample by sample in Python, and colour to 8 bits.
    """
    if not isinstance(image, PpmImagePlugin.PpmImageFile):
        return None
    codec, _, offset, args = image.tile[0]
    if codec == "ppm" and isinstance(args, tuple):
        white = int(args[1])
    elif args == "I;16B":
        white = 65535
    else:
        return None
    channels = 3 if data.startswith(b"P6") else 1
    stored: Any = ">u2" if white > 255 else np.uint8
    samples = np.frombuffer(data, stored, image.height * image.width * channels, offset)
    if samples.max() > white:
        raise refusal(source, f"may hold values up to {white}; got {samples.max()}")
    full = 65535 if white > 255 else 255
    scaled = (samples.astype(np.uint32) * full + white // 2) // white
    colour = scaled.astype(np.uint16 if white > 255 else np.uint8)
    return Layers(colour.reshape(image.height, image.width, channels))


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert CMYK or LAB to sRGB, by the embedded profile where there is one."""
    from PIL import ImageCms  # loads LittleCMS, which few pictures need

    embedded = image.info.get("icc_profile") or b""
    if image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif embedded[16:20] == b"CMYK":
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
    else:  # no profile, or one that says nothing about inks
        return image.convert("RGB")
    converted = ImageCms.profileToProfile(image, profile, _srgb_profile(), outputMode="RGB")
    assert converted is not None  # it is None only when converting in place
    return converted


@cache
def _srgb_profile() -> Any:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
