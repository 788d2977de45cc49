"""What TensorFlow decodes in a graph is what Pillow decodes in Python, pixel by pixel."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipelines.classification.classifier import opaque_rgb
from pipelines.graph_decoding import decode_picture, decode_rgba, guarded
from pipelines.images import read_image
from pipelines.picture import to_depth
from tests.pipelines.encoded_images import encode, png16, png_chunk, png_from_rows

Decode = Callable[[bytes], np.ndarray]
HEIGHT, WIDTH = 47, 61


def graph_of(function: Callable[[tf.Tensor], tf.Tensor]) -> Decode:
    signature = [tf.TensorSpec((), tf.string)]
    graph = tf.function(function, input_signature=signature, autograph=False)
    return lambda data: graph(data).numpy()


@pytest.fixture(scope="module")
def decode() -> Decode:
    return graph_of(decode_picture)


@pytest.fixture(scope="module")
def decode_deep() -> Decode:
    return graph_of(decode_rgba)


@pytest.fixture(scope="module")
def photo(photographs) -> Image.Image:
    return Image.fromarray(photographs["flower"]).resize((WIDTH, HEIGHT))


@pytest.fixture(scope="module")
def see_through(photo: Image.Image) -> Image.Image:
    alpha = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    rgba = photo.copy()
    rgba.putalpha(Image.fromarray(alpha))
    return rgba


def assert_same(decode: Decode, data: bytes) -> None:
    np.testing.assert_array_equal(decode(data), opaque_rgb(read_image(data)))


def exif(orientation: int, order: str) -> bytes:
    """Return an EXIF block with a maker's name before the orientation."""
    head = b"MM\0*" if order == ">" else b"II*\0"
    entries = struct.pack(order + "HHI", 0x010F, 2, 3) + b"Me\0\0"
    entries += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    directory = struct.pack(order + "H", 2) + entries + struct.pack(order + "I", 0)
    return b"Exif\0\0" + head + struct.pack(order + "I", 8) + directory


@pytest.mark.parametrize("name", ["china", "flower"])
@pytest.mark.parametrize(
    "options",
    [{"quality": 60}, {"quality": 95, "subsampling": 0}, {"subsampling": 1, "progressive": True}],
    ids=["420", "444", "422_progressive"],
)
def test_photographs_as_jpeg_have_the_same_pixels(decode, photographs, name, options) -> None:
    # With the fast DCT, TensorFlow's default, values differ by up to 18 of 255.
    assert_same(decode, encode(Image.fromarray(photographs[name]), "JPEG", **options))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpeg_of_other_colours(decode, photo, mode) -> None:
    assert_same(decode, encode(photo.convert(mode), "JPEG"))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(10))
def test_jpeg_is_turned_upright(decode, photo, orientation, order) -> None:
    data = encode(photo, "JPEG", exif=exif(orientation, order))
    assert_same(decode, data)
    assert decode(data).shape == (
        (WIDTH, HEIGHT, 3) if 5 <= orientation <= 8 else (HEIGHT, WIDTH, 3)
    )


def test_exif_is_found_behind_other_segments(decode, photo) -> None:
    data = encode(photo, "JPEG", exif=exif(6, ">"), icc_profile=bytes(70_000), comment=b"hello")
    assert decode(data).shape == (WIDTH, HEIGHT, 3)
    assert_same(decode, data)
    begin = data.index(b"Exif\0\0") - 4
    end = begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big")
    comments = b"\xff\xfe\xff\xff" + bytes(65533)
    last = data[:begin] + data[end : data.index(b"\xff\xdb")] + comments + data[begin:end]
    assert_same(decode, last + data[data.index(b"\xff\xdb") :])


@pytest.mark.parametrize("cut", [6, 9, 12, 14, 15, 20, 30, 35])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_damaged_exif_block_leaves_the_picture_as_it_is(decode, photo, cut, order) -> None:
    stored = decode(encode(photo, "JPEG"))
    np.testing.assert_array_equal(decode(encode(photo, "JPEG", exif=exif(6, order)[:cut])), stored)


def test_an_exif_block_that_points_beyond_its_end(decode, photo) -> None:
    wild = exif(6, ">")[:10] + b"\x7f\xff\xff\xf0" + exif(6, ">")[14:]
    np.testing.assert_array_equal(
        decode(encode(photo, "JPEG", exif=wild)), decode(encode(photo, "JPEG"))
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_of_every_mode(decode, see_through, mode) -> None:
    assert_same(decode, encode(see_through.convert(mode), "PNG"))


def test_png_with_transparent_colours(decode, photo, see_through) -> None:
    grey, palette = photo.convert("L"), photo.quantize(64)
    assert_same(decode, encode(photo, "PNG", transparency=photo.getpixel((3, 3))))
    assert_same(decode, encode(grey, "PNG", transparency=grey.getpixel((3, 3))))
    assert_same(decode, encode(palette, "PNG", transparency=3))
    assert_same(decode, encode(palette, "PNG", transparency=bytes(range(0, 240, 4))))
    assert_same(decode, encode(see_through.quantize(60), "PNG"))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_few_bits(decode, photo, bits) -> None:
    palette = photo.quantize(2**bits)
    assert_same(decode, encode(palette, "PNG", bits=bits))
    assert_same(decode, encode(palette, "PNG", bits=bits, transparency=b"\0\x5a"))
    grey = np.random.default_rng(bits).integers(0, 256, (HEIGHT, -(-WIDTH * bits // 8)), np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    size = {"height": HEIGHT, "width": WIDTH, "bits": bits, "colour_type": 0}
    assert_same(decode, png_from_rows(rows, **size))
    assert_same(decode, png_from_rows(rows, **size, transparent=b"\0\1"))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("interlaced", [False, True])
def test_png_of_sixteen_bits(decode, channels, interlaced) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(np.uint16)
    assert_same(decode, png16(deep, interlaced=interlaced))


def test_webp(decode, photo, see_through) -> None:
    assert_same(decode, encode(photo, "WEBP", quality=80))
    assert_same(decode, encode(photo, "WEBP", lossless=True))
    assert_same(decode, encode(see_through, "WEBP", quality=80))
    assert_same(decode, encode(see_through, "WEBP", lossless=True))
    frames = {"save_all": True, "append_images": [photo.rotate(90)]}
    assert_same(decode, encode(photo, "WEBP", lossless=True, **frames))


def test_gif_shows_its_first_frame(decode, photo) -> None:
    assert_same(decode, encode(photo.quantize(64), "GIF"))
    assert_same(decode, encode(photo, "GIF", save_all=True, append_images=[photo.rotate(90)]))


def test_a_transparent_gif_lies_on_black(decode) -> None:
    clear = Image.new("P", (8, 8))
    clear.putpalette([200, 100, 50])
    data = encode(clear, "GIF", transparency=0)
    assert decode(data).max() == 0
    assert opaque_rgb(read_image(data)).min() == 255


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_bmp(decode, photo, mode) -> None:
    assert_same(decode, encode(photo.convert(mode), "BMP"))


def assert_same_layers(decode_deep: Decode, data: bytes) -> None:
    picture = read_image(data)
    rgb, alpha = picture.pixels, picture.alpha
    opaque = np.full(picture.size_px, np.iinfo(rgb.dtype).max, rgb.dtype)
    rgba = np.dstack([rgb, opaque if alpha is None else alpha])
    np.testing.assert_array_equal(decode_deep(data), to_depth(rgba, 16))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_layers_of_png_of_every_mode(decode_deep, see_through, mode) -> None:
    assert_same_layers(decode_deep, encode(see_through.convert(mode), "PNG"))


def test_layers_of_what_is_transparent(decode_deep, photo, see_through) -> None:
    files = [
        encode(photo, "PNG", transparency=photo.getpixel((3, 3))),
        encode(photo.quantize(64), "PNG", transparency=bytes(range(0, 240, 4))),
        encode(see_through, "WEBP", quality=80),
        encode(see_through, "WEBP", lossless=True),
    ]
    for data in files:
        assert_same_layers(decode_deep, data)
        assert decode_deep(data)[..., 3].min() < 65535


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_layers_of_sixteen_bits(decode_deep, channels) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(np.uint16)
    assert_same_layers(decode_deep, png16(deep))
    assert (decode_deep(png16(deep)) % 257).any()


def test_layers_of_what_is_opaque(decode_deep, photo) -> None:
    assert_same_layers(decode_deep, encode(photo, "JPEG", exif=exif(6, ">")))
    assert_same_layers(decode_deep, encode(photo, "BMP"))
    assert_same_layers(decode_deep, encode(photo.quantize(64), "GIF"))


def test_a_damaged_file_gives_what_is_put_in_its_place(photo) -> None:
    instead = np.full((1, 1, 3), 7, np.uint8)

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    def decode(data):
        return guarded(decode_picture, data, tf.constant(instead))

    whole = encode(photo, "PNG")
    pixels, ok = decode(whole)
    np.testing.assert_array_equal(pixels, np.asarray(photo))
    assert ok
    for damaged in (b"", b"no picture", whole[: len(whole) // 2]):
        pixels, ok = decode(damaged)
        np.testing.assert_array_equal(pixels, instead)
        assert not ok


def bomb(kind: str) -> bytes:
    """Return a small file that announces 20,000 x 20,000 pixels."""
    side = 20_000
    if kind == "PNG":
        head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IEND", b"")
    small = Image.new("RGB", (8, 8))
    if kind == "JPEG":
        data = bytearray(encode(small, "JPEG"))
        frame = data.index(b"\xff\xc0") + 5
        data[frame : frame + 4] = struct.pack(">HH", side, side)
    elif kind == "GIF":
        data = bytearray(encode(small, "GIF"))
        data[6:10] = struct.pack("<HH", side, side)
    elif kind == "BMP":
        data = bytearray(encode(small, "BMP"))
        data[18:26] = struct.pack("<ii", side, -side)
    else:
        data = bytearray(encode(small, "WEBP", lossless=kind == "WebP VP8L"))
        if kind == "WebP VP8":
            data[26:30] = struct.pack("<HH", 16_000, 16_000)
        else:
            data[21:25] = struct.pack("<I", 15_999 | 15_999 << 14)
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WebP VP8", "WebP VP8L"])
def test_too_many_pixels_are_refused_before_they_are_decoded(decode, kind) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="too many pixels"):
        decode(bomb(kind))


def truncated() -> dict[str, bytes]:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    files = {name: encode(Image.fromarray(noise), name) for name in ("JPEG", "PNG", "BMP", "WEBP")}
    files["GIF"] = encode(Image.fromarray(noise).quantize(64), "GIF")
    return {
        f"{name}_{part}": data[: len(data) * part // 100]
        for name, data in files.items()
        for part in (1, 10, 60)
    }


REFUSED = {
    **truncated(),
    "empty": b"",
    "one_byte": b"\xff",
    "jpeg_signature": b"\xff\xd8\xff",
    "png_signature": b"\x89PNG\r\n\x1a\n",
    "riff": b"RIFF",
    "gif_signature": b"GIF89a",
    "bm": b"BM",
    "text": b"no picture at all, but long enough to be taken for one by its length alone",
    "tiff": encode(Image.new("RGB", (9, 9)), "TIFF"),
    "bmp_with_colours": encode(Image.linear_gradient("L").convert("RGB").quantize(9), "BMP"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_decoded_is_refused(decode, name) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(REFUSED[name])


def test_nothing_that_chance_writes_stops_the_process(decode, photo) -> None:
    generator = np.random.default_rng(0)
    files = [encode(photo, name) for name in ("JPEG", "PNG", "WEBP", "BMP")]
    for data in files * 10:
        damaged = np.frombuffer(data, np.uint8).copy()
        places = generator.integers(0, len(damaged), 5)
        damaged[places] = generator.integers(0, 256, 5)
        try:
            assert decode(damaged.tobytes()).shape[2] == 3
        except tf.errors.InvalidArgumentError:
            continue
