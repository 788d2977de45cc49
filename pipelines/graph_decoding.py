"""Encoded pictures to pixels as a TensorFlow graph, for models that are served without Python.

The pixels are those of `pipelines.images`, bit for bit where TensorFlow's decoders allow it; a task
takes them with what is transparent shown on white paper, or with their alpha:

    JPEG    the same pixels, upright by the EXIF orientation; CMYK without its colour profile.
            The accurate DCT is Pillow's too: on 86 photographs no value differs, while with
            TensorFlow's default they differ by 1 of 255 on average and by up to 18
    PNG     the same pixels, with transparency, palettes, 16 bits; an EXIF orientation is not read
    WebP    the same pixels, with transparency; an EXIF orientation is not read
    GIF     the first frame; what is transparent becomes black, because TensorFlow does not tell it
    BMP     grey and RGB; with a palette of colours it is refused, which TensorFlow would misread

Whatever else, whatever is damaged, cut short or of more pixels than `Limits` allows by default
raises `InvalidArgumentError` in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from pipelines.picture import DEFAULT_LIMITS

SIGNATURE_BYTES = 64  # every format's signature and announced size lie within
EXIF_WITHIN_BYTES = 1 << 20  # of a JPEG: behind a colour profile of any usual size
MOST_SEGMENTS = 32  # of a JPEG, in search of EXIF; cameras put it first or second
ORIENTATION, SHORT = 0x0112, 3  # EXIF 2.3, table 4: the tag and its type
OPAQUE = np.uint8(255)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# An 8-bit grey BMP has the 256 greys as its palette, each blue, green, red, 0.
BMP_GREYS = b"".join(bytes((grey, grey, grey, 0)) for grey in range(256))


def decode_picture(data: tf.Tensor) -> tf.Tensor:
    """Decode one picture, upright and opaque.

    Args:
        data: The bytes of a file, a scalar string.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    return tf.ensure_shape(_decode(data, rgb=tf.identity, rgba=_on_paper), (None, None, 3))


def decode_rgba(data: tf.Tensor) -> tf.Tensor:
    """Decode one picture, upright, with its transparency and its 16 bits.

    Args:
        data: The bytes of a file, a scalar string.

    Returns:
        (H, W, 4) uint16, RGB not blended with the alpha; 8 bits are multiplied by 257, so that
        white is 65535.
    """
    return tf.ensure_shape(
        _decode(data, rgb=lambda pixels: _deep(_with_alpha(pixels)), rgba=tf.identity),
        (None, None, 4),
    )


def is_deep(data: tf.Tensor) -> tf.Tensor:
    """Return whether a file's pixels have 16 bits a channel, which only PNG has of what is read."""
    sixteen = _is(data, b"\x10", at=24)  # the bit depth, in the chunk that begins every PNG
    return tf.logical_and(_is(data, PNG_SIGNATURE), sixteen)


def guarded(
    decode: Callable[[tf.Tensor], tf.Tensor], data: tf.Tensor, otherwise: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode one file of a batch so that, if it is damaged, it spoils no other.

    Args:
        decode: Maps the bytes of a file, a scalar string, to a tensor; it may raise.
        data: The bytes.
        otherwise: A tensor of the same type and rank.

    Returns:
        What `decode` gives, and True; where it raises, `otherwise` and False.
    """
    # An error inside a data set is the only one that a graph can catch.
    files = tf.data.Dataset.from_tensors(data)
    decoded = files.map(lambda file: (decode(file), tf.constant(True))).ignore_errors()
    instead = tf.data.Dataset.from_tensors((otherwise, False))
    found: tuple[tf.Tensor, tf.Tensor] = decoded.concatenate(instead).take(1).get_single_element()
    return found


def _decode(
    data: tf.Tensor,
    *,
    rgb: Callable[[tf.Tensor], tf.Tensor],
    rgba: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """Decode by format, and pass on what it gives: (H, W, 3) uint8 or (H, W, 4) uint16."""
    start = _bytes(data, SIGNATURE_BYTES)
    return tf.case(
        [
            (_is(data, b"\xff\xd8\xff"), lambda: rgb(_decode_jpeg(data))),
            (_is(data, PNG_SIGNATURE), lambda: rgba(_decode_png(data, start))),
            (_is(data, b"RIFF"), lambda: rgba(_decode_webp(data, start))),
            (_is(data, b"GIF8"), lambda: rgb(_decode_gif(data, start))),
        ],
        default=lambda: rgb(_decode_bmp(data, start)),
    )


def _decode_jpeg(data: tf.Tensor) -> tf.Tensor:
    size = tf.image.extract_jpeg_shape(data)
    data = _bounded(data, height=size[0], width=size[1])
    pixels = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    return _upright(pixels, _jpeg_orientation(_bytes(data, EXIF_WITHIN_BYTES)))


def _decode_png(data: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    size = _big(start, 16, 4), _big(start, 20, 4)
    data = _bounded(data, height=size[1], width=size[0])
    bits, palette = start[24], tf.equal(start[25], 3)

    def deep() -> tf.Tensor:
        return tf.io.decode_png(data, channels=4, dtype=tf.uint16)

    def shallow() -> tf.Tensor:
        # TensorFlow gives a palette's alpha only where the file has one, and 1- to 4-bit grey
        # an alpha of 1 to 15 where it is opaque.
        grey = tf.logical_and(bits < 8, tf.logical_not(palette))
        rgba = tf.cond(
            palette,
            lambda: _with_alpha(tf.io.decode_image(data, expand_animations=False)),
            lambda: tf.io.decode_png(data, channels=4),
        )
        alpha = tf.where(tf.logical_and(grey, rgba[..., 3:] > 0), OPAQUE, rgba[..., 3:])
        return _deep(tf.concat([rgba[..., :3], alpha], -1))

    return tf.cond(tf.equal(bits, 16), deep, shallow)


def _decode_webp(data: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    width, height = tf.case(
        [
            (_is(data, b"VP8X", at=12), lambda: (_little(start, 24, 3), _little(start, 27, 3))),
            (_is(data, b"VP8L", at=12), lambda: _webp_lossless_size(start)),
        ],
        default=lambda: (_little(start, 26, 2) % 2**14, _little(start, 28, 2) % 2**14),
    )
    data = _bounded(data, height=height + 1, width=width + 1)  # VP8X and VP8L store one less
    return _deep(_with_alpha(tf.io.decode_image(data, expand_animations=False)))


def _webp_lossless_size(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    both = _little(start, 21, 4)
    return both % 2**14, both // 2**14 % 2**14


def _decode_gif(data: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    data = _bounded(data, height=_little(start, 8, 2), width=_little(start, 6, 2))
    return tf.io.decode_image(data, channels=3, expand_animations=False)


def _decode_bmp(data: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Decode a BMP, and let TensorFlow refuse what is none."""
    start = tf.pad(start, [[0, SIGNATURE_BYTES - tf.size(start)]])
    height = _little(start, 22, 4)
    height = tf.minimum(height, 2**32 - height)  # negative when the rows go from top to bottom
    data = _bounded(data, height=height, width=_little(start, 18, 4))
    header_bytes = tf.cast(_little(start, 14, 4), tf.int32)
    greys = tf.strings.substr(data, tf.minimum(14 + header_bytes, tf.strings.length(data)), 1024)
    sound = tf.logical_or(_little(start, 28, 2) > 8, tf.equal(greys, BMP_GREYS))
    with tf.control_dependencies([tf.debugging.Assert(sound, ["a BMP with a palette of colours"])]):
        return tf.io.decode_image(tf.identity(data), channels=3, expand_animations=False)


def _bounded(data: tf.Tensor, *, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Return `data` unless its header announces more pixels than are decoded anywhere here."""
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    check = tf.debugging.Assert(pixels <= DEFAULT_LIMITS.max_pixels, ["too many pixels", pixels])
    with tf.control_dependencies([check]):
        return tf.identity(data)


def _with_alpha(pixels: tf.Tensor) -> tf.Tensor:
    """Return (H, W, 4) uint8 from 3 or 4 channels."""
    opaque = tf.zeros_like(pixels[..., :1]) + OPAQUE
    return tf.concat([pixels, opaque], -1)[..., :4]


def _deep(pixels: tf.Tensor) -> tf.Tensor:
    """Return uint8 as uint16, full scale to full scale."""
    return tf.cast(pixels, tf.uint16) * 257


def _on_paper(rgba: tf.Tensor) -> tf.Tensor:
    """Blend (H, W, 4) uint16 with white paper to (H, W, 3) uint8, as `opaque_rgb` does."""
    colour = (tf.cast(rgba[..., :3], tf.int32) + 128) // 257  # as `pipelines.picture.to_depth`
    alpha = tf.cast(rgba[..., 3:], tf.float32) / 65535.0
    blended = tf.cast(colour, tf.float32) * alpha + 255.0 * (1.0 - alpha)
    return tf.cast(tf.round(blended), tf.uint8)


def _jpeg_orientation(data: tf.Tensor) -> tf.Tensor:
    """Return the EXIF orientation, 1 to 8, of a JPEG's first bytes (n,); 1 where none is told."""
    start = _exif_start(data)
    block = data[start:]
    big = tf.equal(_big(block, 0, 1), ord("M"))  # "MM"; else "II"

    def number(source: tf.Tensor, at: int | tf.Tensor, size: int) -> tf.Tensor:
        return tf.where(big, _big(source, at, size), _little(source, at, size))

    directory = number(block, 4, 4)
    first = directory + 2
    last = tf.minimum(first + 12 * number(block, directory, 2), tf.size(block, tf.int64))
    whole = tf.maximum(last - first, 0) // 12
    # Each entry is a tag (2 bytes), a type (2), a count (4) and a value (4).
    entries = tf.cast(tf.reshape(block[first : first + 12 * whole], (-1, 12)), tf.int64)
    high, low = tf.where(big, 0, 1), tf.where(big, 1, 0)

    def column(at: int) -> tf.Tensor:
        return tf.gather(entries, at + high, axis=1) * 256 + tf.gather(entries, at + low, axis=1)

    is_orientation = tf.logical_and(tf.equal(column(0), ORIENTATION), tf.equal(column(2), SHORT))
    found = tf.concat([tf.boolean_mask(column(8), is_orientation), [1]], 0)[0]
    return tf.where(tf.logical_and(found >= 1, found <= 8), found, 1)


def _exif_start(data: tf.Tensor) -> tf.Tensor:
    """Walk over a JPEG's segments and return where the EXIF block begins, or the end of `data`."""
    end = tf.size(data, tf.int64)

    def unfinished(at: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        # 0xFFDA begins the picture itself.
        marker = tf.logical_and(tf.equal(_big(data, at, 1), 0xFF), _big(data, at + 1, 1) != 0xDA)
        return tf.logical_and(marker, tf.equal(start, end))

    def step(at: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        app1 = tf.equal(_big(data, at + 1, 1), 0xE1)
        exif = tf.equal(_big(data, at + 4, 6), int.from_bytes(b"Exif\0\0", "big"))
        start = tf.where(tf.logical_and(app1, exif), tf.minimum(at + 10, end), start)
        return at + 2 + _big(data, at + 2, 2), start

    begin = tf.constant(2, tf.int64)  # after the marker that begins the file
    return tf.while_loop(unfinished, step, (begin, end), maximum_iterations=MOST_SEGMENTS)[1]


def _upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turn (H, W, 3) as `pipelines.image_decoding.UPRIGHT` does."""

    def when(orientations: tuple[int, ...], turn: Callable[[tf.Tensor], tf.Tensor]) -> None:
        nonlocal pixels
        before = pixels
        wanted = tf.reduce_any(tf.equal(orientation, orientations))
        pixels = tf.cond(wanted, lambda: turn(before), lambda: before)

    when((3, 4, 6, 7), lambda x: tf.reverse(x, [0]))
    when((2, 3, 7, 8), lambda x: tf.reverse(x, [1]))
    when((5, 6, 7, 8), lambda x: tf.transpose(x, (1, 0, 2)))
    return pixels


def _is(data: tf.Tensor, signature: bytes, at: int = 0) -> tf.Tensor:
    at = tf.minimum(at, tf.strings.length(data))
    return tf.equal(tf.strings.substr(data, at, len(signature)), signature)


def _bytes(data: tf.Tensor, most: int) -> tf.Tensor:
    """Return the first bytes (n,) uint8, n at most `most`."""
    return tf.io.decode_raw(tf.strings.substr(data, 0, most), tf.uint8)


def _big(source: tf.Tensor, at: int | tf.Tensor, size: int) -> tf.Tensor:
    """Return the number of `size` bytes at `at`, most significant first; past the end lie zeros."""
    return _weighed(source, at, [256**power for power in reversed(range(size))])


def _little(source: tf.Tensor, at: int | tf.Tensor, size: int) -> tf.Tensor:
    """Return the number of `size` bytes at `at`, least significant first."""
    return _weighed(source, at, [256**power for power in range(size)])


def _weighed(source: tf.Tensor, at: int | tf.Tensor, weights: Sequence[int]) -> tf.Tensor:
    found = tf.cast(source[at : at + len(weights)], tf.int64)
    found = tf.pad(found, [[0, len(weights) - tf.size(found)]])
    return tf.reduce_sum(found * weights)
