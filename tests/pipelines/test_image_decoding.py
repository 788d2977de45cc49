"""Every kind of picture file and PIL image becomes the RGB that it shows."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from sklearn.datasets import load_sample_images

from pipelines.image_decoding import FORMATS, decode
from pipelines.images import ImageError, Limits, Picture, read_image
from tests.pipelines.encoded_images import encode, png16, png_chunk, png_from_rows, tiff
from tests.pipelines.hostile_images import gif_beyond_its_canvas, photograph

RNG = np.random.default_rng(0)
DEEP_RGB = RNG.integers(0, 65536, (19, 31, 3), dtype=np.uint16)
DEEP_RGBA = RNG.integers(0, 65536, (19, 31, 4), dtype=np.uint16)
DEEP_GREY = DEEP_RGB[:, :, 0]
ORIENTATION = 0x0112
SAVED = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("GIF", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "jpeg"}),
    ("PPM", {}),
]


@pytest.mark.parametrize(("name", "options"), SAVED)
def test_a_photograph_is_read_as_pillow_shows_it(name: str, options: dict[str, Any]) -> None:
    data = encode(Image.fromarray(load_sample_images().images[0]), name, **options)
    picture = decode(data)
    np.testing.assert_array_equal(picture.pixels, Image.open(io.BytesIO(data)).convert("RGB"))
    assert (picture.format, picture.grey, picture.alpha) == (name, False, None)
    assert not picture.pixels.flags.writeable


def test_all_formats_are_tested() -> None:
    assert {name for name, _ in SAVED} == set(FORMATS)


# --- Channels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM"])
def test_grey_stays_known(name: str) -> None:
    grey = photograph().convert("L")
    picture = decode(encode(grey, name, **({"quality": 100} if name == "JPEG" else {})))
    assert picture.grey
    assert np.ptp(picture.pixels.astype(int), axis=2).max() == 0
    tolerance = 3 if name == "JPEG" else 0  # rounding of its coefficients
    np.testing.assert_allclose(picture.pixels[:, :, 0], np.asarray(grey), atol=tolerance)


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM"])
def test_one_bit_is_black_and_white(name: str) -> None:
    bits = np.asarray(photograph().convert("1"))
    data = encode(Image.fromarray(bits), name, **({"lossless": True} if name == "WEBP" else {}))
    np.testing.assert_array_equal(decode(data).pixels[:, :, 1], bits * 255)


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_kept_apart(name: str, mode: str) -> None:
    image = photograph().convert(mode)
    alpha = Image.linear_gradient("L").resize(image.size)
    image.putalpha(alpha)
    options = {"lossless": True, "exact": True} if name == "WEBP" else {}
    picture = decode(encode(image, name, **options))
    np.testing.assert_array_equal(picture.alpha, np.asarray(alpha))
    np.testing.assert_array_equal(picture.pixels, image.convert("RGB"))
    assert picture.grey == (mode == "LA" and name != "WEBP")  # WebP knows no grey


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF"])
def test_palettes_are_looked_up(name: str) -> None:
    image = photograph().quantize(50)
    picture = decode(encode(image, name))
    np.testing.assert_array_equal(picture.pixels, image.convert("RGB"))
    assert picture.alpha is None


@pytest.mark.parametrize("clear", [None, 0, bytes(range(256))])
def test_a_palette_of_greys_is_grey(clear: int | bytes | None) -> None:
    indices = RNG.integers(0, 256, (9, 8), dtype=np.uint8)
    image = Image.fromarray(indices).convert("P")
    greys = RNG.permutation(256).astype(np.uint8)
    image.putpalette(greys.repeat(3).tobytes())
    options = {} if clear is None else {"transparency": clear}
    picture = decode(encode(image, "PNG", **options))
    assert picture.grey
    np.testing.assert_array_equal(picture.pixels[:, :, 0], greys[indices])
    if isinstance(clear, bytes):
        np.testing.assert_array_equal(picture.alpha, indices)
    elif clear == 0:
        np.testing.assert_array_equal(picture.alpha, (indices != 0) * 255)
    else:
        assert picture.alpha is None


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_transparent_palette_colour_becomes_alpha(name: str) -> None:
    image = photograph().quantize(8)
    clear = image.getpixel((3, 4))
    picture = decode(encode(image, name, transparency=clear))
    np.testing.assert_array_equal(picture.alpha, (np.asarray(image) != clear) * 255)


def test_a_palette_with_many_alphas() -> None:
    image = photograph().quantize(4)
    alphas = np.array([0, 80, 160, 255], np.uint8)
    picture = decode(encode(image, "PNG", transparency=alphas.tobytes()))
    np.testing.assert_array_equal(picture.alpha, alphas[np.asarray(image)])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_transparent_grey_of_few_bits_becomes_alpha(bits: int) -> None:
    codes = np.arange(8) % 2**bits
    packed = np.packbits(np.concatenate([[c >> b & 1 for b in range(bits)[::-1]] for c in codes]))
    data = png_from_rows(
        b"\0" + packed.tobytes(),
        height=1,
        width=8,
        bits=bits,
        colour_type=0,
        transparent=struct.pack(">H", 1),
    )
    picture = decode(data)
    np.testing.assert_array_equal(picture.pixels[0, :, 0], codes * 255 // (2**bits - 1))
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha[0], np.where(codes == 1, 0, 255))


def test_a_transparent_rgb_colour_becomes_alpha() -> None:
    image = photograph()
    clear = image.getpixel((5, 6))
    picture = decode(encode(image, "PNG", transparency=clear))
    np.testing.assert_array_equal(picture.alpha, (np.asarray(image) != clear).any(axis=2) * 255)


# --- Inks and other colour spaces ----------------------------------------------------------------

INKS = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow: red


@pytest.mark.parametrize(
    "name", ["JPEG", "TIFF"]
)  # Pillow writes JPEG's inks Adobe's way, inverted
def test_inks_are_not_inverted(name: str) -> None:
    data = encode(INKS, name)
    assert (b"Adobe" in data) == (name == "JPEG")
    np.testing.assert_allclose(decode(data).pixels[8, 8], (255, 0, 0), atol=3)  # JPEG's rounding


def test_inks_follow_their_profile() -> None:
    paper_and_ink = decode(encode(INKS, "TIFF", icc_profile=_cmyk_profile()))
    assert paper_and_ink.icc_profile is None  # it is about inks, and these are RGB
    # L* = 50 is the grey 119 in sRGB; a 2-point table and 8-bit Lab round by one or two.
    np.testing.assert_allclose(paper_and_ink.pixels[8, 8], (119, 119, 119), atol=3)


def test_a_profile_that_is_not_about_inks_is_passed_over() -> None:
    picture = decode(encode(INKS, "TIFF", icc_profile=b"not a profile"))
    np.testing.assert_array_equal(picture.pixels[8, 8], (255, 0, 0))


def _cmyk_profile() -> bytes:
    """Return the smallest ICC profile of a printer with a black and three grey inks."""
    corners = [100, *[0, 50] * 7, 0]  # L* of the 16 mixtures of full inks, black the fastest
    clut = b"".join(bytes([lightness * 255 // 100, 128, 128]) for lightness in corners)
    ramp = bytes(range(256))
    matrix = b"".join(struct.pack(">i", 65536 * (i % 4 == 0)) for i in range(9))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + clut + ramp * 3
    at = 128 + 4 + 12
    size = at + len(lut)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    tags = struct.pack(">I4sII", 1, b"A2B0", at, len(lut))
    return header.ljust(128, b"\0") + tags + lut


def test_lab_becomes_srgb() -> None:
    image = photograph()
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    assert converted is not None
    for picture in (decode(encode(converted, "TIFF")), read_image(converted)):
        off = np.abs(picture.pixels.astype(int) - np.asarray(image).astype(int))
        assert off.mean() < 2  # Lab in eight bits is coarser than sRGB


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "RGBX", "1", "P", "PA", "LA", "La", "RGBa", "L"])
def test_every_mode_of_a_pil_image_is_taken(mode: str) -> None:
    image = photograph()
    if mode in ("La", "RGBa"):
        image = image.convert("LA" if mode == "La" else "RGBA")
    image = image.convert(mode)
    picture = read_image(image)
    through = image.convert("LA" if mode == "La" else "RGBA" if mode == "RGBa" else mode)
    expected = through.convert("RGB")
    np.testing.assert_array_equal(picture.pixels, expected)
    assert picture.grey == (mode in ("1", "L", "LA", "La"))


# --- Sixteen bits --------------------------------------------------------------------------------


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_is_exact(channels: int, interlaced: bool) -> None:
    picture = decode(png16(DEEP_RGBA[:, :, :channels], interlaced=interlaced))
    colour = DEEP_RGBA[:, :, : 1 if channels < 3 else 3]
    np.testing.assert_array_equal(picture.pixels, np.broadcast_to(colour, (19, 31, 3)))
    assert picture.pixels.dtype == np.uint16
    assert picture.grey == (channels < 3)
    if channels in (2, 4):
        np.testing.assert_array_equal(picture.alpha, DEEP_RGBA[:, :, channels - 1])
    else:
        assert picture.alpha is None


def test_16_bit_white_is_not_all_there_is() -> None:
    ramp = np.linspace(0, 65535, 31, dtype=np.uint16)[None, :, None]
    np.testing.assert_array_equal(
        decode(png16(ramp)).rgb8[0, :, 0], np.rint(ramp[0, :, 0] / 257).astype(np.uint8)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_16_bit_colour_becomes_alpha(channels: int) -> None:
    pixels = DEEP_RGB[:, :, :channels]
    clear = pixels[4, 5]
    picture = decode(png16(pixels, transparent=clear.astype(">u2").tobytes()))
    np.testing.assert_array_equal(picture.alpha, (pixels != clear).any(axis=2) * 65535)


@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiff_is_exact(order: Literal["<", ">"], deflated: bool) -> None:
    rgb = decode(tiff(DEEP_RGB, photometric=2, order=order, deflated=deflated))
    np.testing.assert_array_equal(rgb.pixels, DEEP_RGB)
    straight_alpha = {338: 2}
    rgba = decode(
        tiff(DEEP_RGBA, photometric=2, order=order, deflated=deflated, tags=straight_alpha)
    )
    np.testing.assert_array_equal(rgba.pixels, DEEP_RGBA[:, :, :3])
    np.testing.assert_array_equal(rgba.alpha, DEEP_RGBA[:, :, 3])
    grey = decode(tiff(DEEP_GREY, photometric=1, order=order, deflated=deflated))
    np.testing.assert_array_equal(grey.pixels[:, :, 2], DEEP_GREY)
    assert grey.grey


@pytest.mark.parametrize("deflated", [False, True])
def test_16_bit_tiff_with_a_channel_of_no_meaning(deflated: bool) -> None:
    picture = decode(tiff(DEEP_RGBA, photometric=2, deflated=deflated, tags={338: 0}))
    np.testing.assert_array_equal(picture.pixels, DEEP_RGBA[:, :, :3])
    assert picture.alpha is None


def test_16_bit_premultiplied_alpha_is_refused() -> None:
    with pytest.raises(ImageError, match="save it with straight alpha"):
        decode(tiff(DEEP_RGBA, photometric=2, tags={338: 1}))


def test_16_bit_tiff_with_white_at_zero_is_turned_over() -> None:
    picture = decode(tiff(DEEP_GREY, photometric=0))
    np.testing.assert_array_equal(picture.pixels[:, :, 0], 65535 - DEEP_GREY)


def test_12_bit_tiff_is_scaled() -> None:
    values = np.array([[0, 1, 2048, 4095]], np.uint16)
    (a, b), (c, d) = values[0, :2].tolist(), values[0, 2:].tolist()
    packed = (a << 36 | b << 24 | c << 12 | d).to_bytes(6, "big")
    data = tiff(values, photometric=1, tags={258: 12})
    data = data[:-8] + packed  # 258 is set after it was derived from the array
    np.testing.assert_array_equal(
        decode(data).pixels[0, :, 0], np.rint(values[0] * (65535 / 4095)).astype(np.uint16)
    )


@pytest.mark.parametrize("white", [200, 255, 1000, 65535])
@pytest.mark.parametrize("magic", ["P5", "P6"])
def test_pnm_is_scaled_to_its_white(magic: str, white: int) -> None:
    channels = 3 if magic == "P6" else 1
    values = RNG.integers(0, white + 1, (5, 4, channels))
    values[0, 0] = white
    stored = values.astype(">u2" if white > 255 else "u1")
    picture = decode(f"{magic}\n# a comment\n4 5\n{white}\n".encode() + stored.tobytes())
    full = 65535 if white > 255 else 255
    expected = np.floor(values * full / white + 0.5)
    np.testing.assert_array_equal(picture.pixels, np.broadcast_to(expected, (5, 4, 3)))
    assert picture.bit_depth == (16 if white > 255 else 8)
    assert picture.grey == (magic == "P5")


def test_pnm_beyond_its_white_is_refused() -> None:
    with pytest.raises(ImageError, match="may hold values up to 100; got 101"):
        decode(b"P5 1 1 100\n\x65")


def test_plain_pgm_of_16_bits() -> None:
    picture = decode(b"P2 3 1 65535\n0 300 65535\n")
    np.testing.assert_array_equal(picture.pixels[0, :, 0], [0, 300, 65535])


def test_float_tiff_from_0_to_1_is_taken() -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    picture = decode(tiff(values, photometric=1))
    np.testing.assert_array_equal(picture.pixels[:, :, 0], np.rint(values * 65535))


# --- Upright, metadata ---------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_stand_upright(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "a camera maker"
    data = encode(photograph(), name, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    for picture in (decode(data), read_image(Image.open(io.BytesIO(data)))):
        np.testing.assert_array_equal(picture.pixels, expected)
        assert picture.pixels.flags.c_contiguous
        assert picture.exif is not None
        carried = Image.Exif()
        carried.load(picture.exif)
        assert carried.get(ORIENTATION, 1) == 1
        assert carried[0x010F] == "a camera maker"


@pytest.mark.parametrize("orientation", [2, 6])
def test_alpha_and_16_bits_are_turned_too(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    block = png_chunk(b"eXIf", exif.tobytes()[6:])
    data = png16(DEEP_RGBA).replace(png_chunk(b"IEND", b""), block + png_chunk(b"IEND", b""))
    picture = decode(data)
    turned = np.fliplr(DEEP_RGBA) if orientation == 2 else np.rot90(DEEP_RGBA, -1)
    np.testing.assert_array_equal(picture.pixels, turned[:, :, :3])
    np.testing.assert_array_equal(picture.alpha, turned[:, :, 3])
    rgb = DEEP_RGBA[:, :, :3]
    stored = tiff(rgb, photometric=2, deflated=True, tags={ORIENTATION: orientation})
    np.testing.assert_array_equal(decode(stored).pixels, turned[:, :, :3])


def test_a_callers_pil_image_is_left_as_it_was() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = Image.open(io.BytesIO(encode(photograph(), "JPEG", exif=exif)))
    picture = read_image(image)
    assert image.size == photograph().size
    assert image.getexif()[ORIENTATION] == 6
    before = picture.pixels.copy()
    image.paste((0, 0, 0), (0, 0, *image.size))
    np.testing.assert_array_equal(picture.pixels, before)


def test_broken_exif_leaves_the_pixels() -> None:
    data = encode(photograph(), "PNG", exif=b"Exif\0\0neither byte order")
    np.testing.assert_array_equal(decode(data).pixels, photograph())


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_colour_profiles_are_carried(name: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode(encode(photograph(), name, icc_profile=profile)).icc_profile == profile
    assert decode(encode(photograph(), name, icc_profile=b"no profile")).icc_profile is None


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(name: str) -> None:
    still = photograph().quantize(8).convert("RGB")
    options = {"lossless": True} if name == "WEBP" else {}
    data = encode(
        still, name, save_all=True, append_images=[Image.new("RGB", still.size)], **options
    )
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 2
    np.testing.assert_array_equal(decode(data).pixels, still)


def test_of_a_pil_animation_the_current_frame_is_read() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    image = Image.open(
        io.BytesIO(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    )
    image.seek(1)
    np.testing.assert_array_equal(read_image(image).pixels[0, 0], (0, 0, 255))


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(encode(photograph(), "PNG"))
    assert read_image(path).format == "PNG"


# --- Damage and size -----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), SAVED)
@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")  # Pillow on broken TIFF directories
def test_a_cut_file_is_refused_or_whole(name: str, options: dict[str, Any]) -> None:
    data = encode(photograph(), name, **options)
    whole = decode(data).pixels
    ends = {*range(0, 60, 5), *np.linspace(60, len(data), 30, dtype=int).tolist(), len(data) - 1}
    for end in sorted(ends - {len(data)}):
        try:
            cut = decode(data[:end])
        except ImageError:
            continue
        np.testing.assert_array_equal(cut.pixels, whole)
        assert end > len(data) - 4  # only padding or a checksum is gone


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_number_of_pixels_is_refused_before_decoding(name: str) -> None:
    data = encode(photograph(), name)[:-900]  # decoding would fail
    with pytest.raises(ImageError, match="at most 6,143 pixels; got 64 x 96"):
        decode(data, limits=Limits(max_pixels=6143))


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.filterwarnings("error")
def test_pillows_own_limit_neither_warns_nor_changes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(photograph(), name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 64 - 1)  # below it Pillow warns
    assert decode(data).size_px == (64, 96)
    assert Image.MAX_IMAGE_PIXELS == 96 * 64 - 1
    with pytest.raises(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(data))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "I;16B", "RGBA"])
@pytest.mark.filterwarnings("error")
def test_pillows_own_limit_does_not_warn_of_any_tiff(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.asarray(photograph().convert("L")).astype("u2") * 257
    image = Image.fromarray(values) if mode[0] == "I" else photograph().convert(mode)
    data = tiff(values, photometric=1, order=">") if mode == "I;16B" else encode(image, "TIFF")
    expected = decode(data).pixels
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 64 - 1)
    np.testing.assert_array_equal(decode(data).pixels, expected)


def test_pillows_own_limit_is_named_where_it_cannot_be_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match=r"Raise PIL\.Image\.MAX_IMAGE_PIXELS"):
        decode(gif_beyond_its_canvas(20))


def test_programs_that_pillow_would_start_are_not() -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    with pytest.raises(ImageError, match="a PostScript file"):
        decode(postscript)
    with pytest.raises(ImageError, match="would run Ghostscript"):
        read_image(Image.open(io.BytesIO(postscript)))


def test_noise_in_a_file_never_escapes_as_another_error() -> None:
    rng = np.random.default_rng(1)
    outcomes = {"read": 0, "refused": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, on broken TIFF directories
        for name in FORMATS:
            data = np.frombuffer(encode(photograph(), name), np.uint8)
            for _ in range(40):
                noisy = data.copy()
                at = rng.integers(0, rng.choice([60, len(data)]), rng.integers(1, 6))
                noisy[at] = rng.integers(0, 256, len(at))
                outcomes[_outcome(noisy.tobytes())] += 1
    assert min(outcomes.values()) > 20


def _outcome(data: bytes) -> str:
    try:
        assert isinstance(decode(data), Picture)
    except ImageError:
        return "refused"
    return "read"


def test_a_compressed_profile_bomb_is_refused() -> None:
    bomb = png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(2**22)))
    data = encode(photograph(), "PNG")
    with pytest.raises(ImageError, match="Decompressed data too large"):
        decode(data[:33] + bomb + data[33:])
