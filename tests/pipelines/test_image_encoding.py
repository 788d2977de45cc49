"""What is written can be read back by others, with its depth, profile and EXIF."""

from __future__ import annotations

import io
import os
import stat
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from sklearn.datasets import load_sample_images

from pipelines.image_encoding import WRITERS
from pipelines.image_metadata import exif_of_size
from pipelines.images import ImageError, MissingImageError, Picture, read_image, write_image

RNG = np.random.default_rng(0)
PHOTOGRAPH: np.ndarray = load_sample_images().images[0]
RGB = RNG.integers(0, 256, (17, 23, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (17, 23, 3), dtype=np.uint16)
ALPHA = RNG.integers(0, 256, (17, 23), dtype=np.uint8)
DEEP_ALPHA = RNG.integers(0, 65536, (17, 23), dtype=np.uint16)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = PROFILE[:16] + b"GRAY" + PROFILE[20:]
MAKE, ORIENTATION, EXIF_FOLDER, EXPOSURE = 0x010F, 0x0112, 0x8769, 0x829A
GPS_FOLDER, INTEROP_FOLDER, PREVIEW_FOLDER = 0x8825, 0xA005, ExifTags.IFD.IFD1


def _exif() -> bytes:
    exif = Image.Exif()
    exif[MAKE] = "a camera maker"
    exif[ORIENTATION] = 1
    exif[EXIF_FOLDER] = {EXPOSURE: 0.25}
    return exif.tobytes()


LIKE = Picture(RGB, "a.jpg", format="JPEG", icc_profile=PROFILE, exif=_exif())


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.tiff", "a.webp", "A.PNG"])
def test_8_bits_come_back_exactly(name: str, tmp_path: Path) -> None:
    path = write_image(tmp_path / name, RGB, quality=100)
    assert path == tmp_path / name
    np.testing.assert_array_equal(read_image(path).pixels, RGB)
    np.testing.assert_array_equal(Image.open(path).convert("RGB"), RGB)


@pytest.mark.parametrize(("name", "least_psnr_db"), [("a.jpg", 35), ("a.jpeg", 35), ("a.webp", 32)])
def test_lossy_formats_come_back_closely(name: str, least_psnr_db: float, tmp_path: Path) -> None:
    read = read_image(write_image(tmp_path / name, PHOTOGRAPH)).pixels.astype(float)
    error = np.mean((read - PHOTOGRAPH) ** 2)
    assert 10 * np.log10(255**2 / error) > least_psnr_db


def test_quality_rules_the_size(tmp_path: Path) -> None:
    for ending in ("jpg", "webp"):
        path = tmp_path / f"a.{ending}"
        sizes = [write_image(path, PHOTOGRAPH, quality=q).stat().st_size for q in (20, 80, 95)]
        assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_come_back_exactly(ending: str, channels: int, tmp_path: Path) -> None:
    colour = DEEP if channels > 2 else DEEP[:, :, 0]
    alpha = DEEP_ALPHA if channels in (2, 4) else None
    picture = read_image(write_image(tmp_path / f"a.{ending}", colour, alpha=alpha))
    np.testing.assert_array_equal(picture.pixels, np.dstack([colour] * 3) if channels < 3 else DEEP)
    assert picture.bit_depth == 16
    # Pillow and others read no TIFF of 16-bit grey with alpha, so that one is written as RGB.
    assert picture.grey == (channels < 3 and (ending, channels) != ("tif", 2))
    if alpha is None:
        assert picture.alpha is None
    else:
        np.testing.assert_array_equal(picture.alpha, alpha)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tensorflow_reads_our_16_bit_png(channels: int, tmp_path: Path) -> None:
    import tensorflow as tf

    colour = DEEP if channels > 2 else DEEP[:, :, :1]
    alpha = DEEP_ALPHA if channels in (2, 4) else None
    path = write_image(tmp_path / "a.png", colour, alpha=alpha)
    decoded = tf.io.decode_png(path.read_bytes(), dtype=tf.uint16).numpy()
    np.testing.assert_array_equal(decoded, np.dstack((colour, *([] if alpha is None else [alpha]))))


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_16_bits_are_scaled_where_the_format_ends_at_8(name: str, tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.linspace(0, 65535, 64, dtype=np.uint16)[:, None, None], (64, 64, 3))
    read = read_image(write_image(tmp_path / name, ramp, quality=100)).pixels
    np.testing.assert_allclose(read, ramp / 257, atol=2)  # JPEG's rounding


def test_floats_take_the_depth_of_the_original(tmp_path: Path) -> None:
    floats = DEEP / 65535
    path = tmp_path / "a.png"
    np.testing.assert_array_equal(read_image(write_image(path, floats)).pixels, np.rint(DEEP / 257))
    deep_original = Picture(DEEP, "a.png")
    np.testing.assert_array_equal(
        read_image(write_image(path, floats, like=deep_original)).pixels, DEEP
    )


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_alpha_comes_back(name: str, tmp_path: Path) -> None:
    for pixels, alpha in ((RGB, ALPHA), (np.dstack((RGB, ALPHA)), None)):
        path = write_image(tmp_path / name, pixels, alpha=alpha, quality=100)
        picture = read_image(path)
        np.testing.assert_array_equal(picture.alpha, ALPHA)
        np.testing.assert_array_equal(picture.pixels, RGB)


def test_alpha_takes_the_depth_of_the_pixels(tmp_path: Path) -> None:
    picture = read_image(write_image(tmp_path / "a.png", DEEP, alpha=ALPHA))
    np.testing.assert_array_equal(picture.alpha, ALPHA.astype(int) * 257)
    picture = read_image(write_image(tmp_path / "a.png", RGB, alpha=ALPHA / 255))
    np.testing.assert_array_equal(picture.alpha, ALPHA)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_grey_stays_grey(name: str, tmp_path: Path) -> None:
    like = replace(LIKE, grey=True)
    path = write_image(tmp_path / name, PHOTOGRAPH, like=like)
    with Image.open(path) as image:
        assert image.mode == "L"
    luma = np.asarray(Image.fromarray(PHOTOGRAPH).convert("L")).astype(int)
    tolerance = 12 if name == "a.jpg" else 1  # JPEG's loss; Pillow's luma is in fixed point
    np.testing.assert_allclose(read_image(path).pixels[:, :, 0], luma, atol=tolerance)


def test_equal_channels_keep_their_value_as_grey(tmp_path: Path) -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1).repeat(3, axis=2)
    path = write_image(tmp_path / "a.png", every, like=Picture(every, "a", grey=True))
    picture = read_image(path)
    assert picture.grey
    np.testing.assert_array_equal(picture.pixels, every)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_profile_and_exif_are_carried(name: str, deep: bool, tmp_path: Path) -> None:
    path = write_image(tmp_path / name, DEEP if deep else RGB, like=LIKE)
    for picture in (read_image(path), read_image(Image.open(path))):
        assert picture.icc_profile == PROFILE
        assert picture.exif is not None
        exif = Image.Exif()
        exif.load(picture.exif)
        assert exif[MAKE] == "a camera maker"
        assert exif.get(ORIENTATION, 1) == 1
        assert exif.get_ifd(EXIF_FOLDER)[EXPOSURE] == 0.25


def test_a_whole_way_from_a_turned_photograph(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(PHOTOGRAPH).save(tmp_path / "in.jpg", exif=exif, icc_profile=PROFILE)
    original = read_image(tmp_path / "in.jpg")
    again = read_image(write_image(tmp_path / "out.png", original.pixels, like=original))
    np.testing.assert_array_equal(again.pixels, original.pixels)  # not turned a second time
    assert again.icc_profile == PROFILE


def test_deep_grey_tiff_with_alpha_is_luma_in_rgb(tmp_path: Path) -> None:
    like = Picture(DEEP, "a", grey=True)
    picture = read_image(write_image(tmp_path / "a.tif", DEEP, alpha=DEEP_ALPHA, like=like))
    assert np.ptp(picture.pixels.astype(int), axis=2).max() == 0
    np.testing.assert_array_equal(picture.alpha, DEEP_ALPHA)


def test_a_profile_of_other_channels_is_not_carried(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    grey = replace(LIKE, grey=True)
    assert read_image(write_image(path, RGB, like=grey)).icc_profile is None
    grey = replace(grey, icc_profile=GREY_PROFILE)
    assert read_image(write_image(path, RGB, like=grey)).icc_profile == GREY_PROFILE
    coloured = replace(grey, grey=False)
    assert read_image(write_image(path, RGB, like=coloured)).icc_profile is None


def test_exif_too_large_for_jpeg_is_left_out(tmp_path: Path) -> None:
    large = replace(LIKE, exif=_exif() + bytes(70_000))
    assert read_image(write_image(tmp_path / "a.jpg", RGB, like=large)).exif is None
    assert read_image(write_image(tmp_path / "a.png", RGB, like=large)).exif == large.exif


def _exif_of_a_camera() -> bytes:
    """Return a JPEG's EXIF block with all the places that state a size, and with a preview."""
    exif = Image.Exif()
    exif[MAKE], exif[0x0100], exif[0x0101] = "a camera maker", 23, 17
    interop = {1: "R98", 0x1001: 23, 0x1002: 17}
    note = b"whatever the maker wrote"
    exif[EXIF_FOLDER] = {0xA002: 23, 0xA003: 17, EXPOSURE: 0.25, 0x927C: note, 0xA005: interop}
    exif[GPS_FOLDER] = {1: "N", 2: (52.0, 31.0, 12.0)}
    block = bytearray(exif.tobytes())
    # Pillow writes no preview: a folder after the first, with a JPEG of four bytes.
    assert block[6:8] == b"MM"  # big-endian
    first = 6 + int.from_bytes(block[10:14])
    link = first + 2 + 12 * int.from_bytes(block[first : first + 2])
    at = len(block) - 6
    block[link : link + 4] = at.to_bytes(4)
    entries = (0x0201, 4, 1, at + 2 + 24 + 4), (0x0202, 4, 1, 4)
    folder = struct.pack(">H", 2) + b"".join(struct.pack(">HHII", *entry) for entry in entries)
    folder += bytes(4)
    return bytes(block) + folder + b"\xff\xd8\xff\xd9"


def _stated(block: bytes) -> tuple[Image.Exif, list[int]]:
    exif = Image.Exif()
    exif.load(block)
    folders = (exif, exif.get_ifd(EXIF_FOLDER), exif.get_ifd(INTEROP_FOLDER))
    tags = ((0x0100, 0x0101), (0xA002, 0xA003), (0x1001, 0x1002))
    sizes = [folder[tag] for folder, pair in zip(folders, tags, strict=True) for tag in pair]
    return exif, sizes


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_exif_states_the_size_that_is_written(name: str, tmp_path: Path) -> None:
    like = replace(LIKE, exif=_exif_of_a_camera())
    assert _stated(like.exif or b"")[0].get_ifd(PREVIEW_FOLDER)[0x0202] == 4
    large = RGB.repeat(3, axis=0).repeat(3, axis=1)
    read = read_image(write_image(tmp_path / name, large, like=like))
    exif, sizes = _stated(read.exif or b"")
    assert sizes == 3 * [69, 51]
    assert exif[MAKE] == "a camera maker"
    assert exif.get_ifd(EXIF_FOLDER)[EXPOSURE] == 0.25
    assert exif.get_ifd(EXIF_FOLDER)[0x927C] == b"whatever the maker wrote"
    assert exif.get_ifd(GPS_FOLDER)[2] == (52.0, 31.0, 12.0)
    assert not exif.get_ifd(PREVIEW_FOLDER)  # of a picture that was smaller


def test_a_tiff_states_the_size_that_is_written(tmp_path: Path) -> None:
    like = replace(LIKE, exif=_exif_of_a_camera())
    large = RGB.repeat(3, axis=0).repeat(3, axis=1)
    with Image.open(write_image(tmp_path / "a.tif", large, like=like)) as image:
        folder = image.getexif().get_ifd(EXIF_FOLDER)
        assert (folder[0xA002], folder[0xA003], image.size) == (69, 51, (69, 51))


@pytest.mark.parametrize("exif", [_exif_of_a_camera(), _exif()], ids=["camera", "no size"])
def test_exif_stays_as_it_is_where_no_size_is_wrong(exif: bytes, tmp_path: Path) -> None:
    like = replace(LIKE, exif=exif)
    assert read_image(write_image(tmp_path / "a.png", RGB, like=like)).exif == exif
    if exif != _exif_of_a_camera():  # of any size, because it states none
        assert read_image(write_image(tmp_path / "a.png", RGB[:5], like=like)).exif == exif


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"Exif\0\0no EXIF"])
def test_exif_that_cannot_be_read_stays_as_it_is(block: bytes) -> None:
    assert exif_of_size(block, 5, 5) == block


@pytest.mark.parametrize(
    ("name", "pixels", "options", "says"),
    [
        ("a.gif", RGB, {}, "must end in one of .jpg .jpeg .png .webp .tif .tiff; got '.gif'"),
        ("a", RGB, {}, "got ''"),
        ("a.jpg", RGB, {"quality": 0}, "quality must be 1 to 100; got 0"),
        ("a.jpg", RGB, {"quality": 101}, "got 101"),
        ("a.jpg", RGB, {"alpha": ALPHA}, "JPEG holds no transparency; write PNG, WebP or TIFF"),
        ("a.jpg", np.dstack((RGB, ALPHA)), {}, "JPEG holds no transparency"),
        ("a.png", np.dstack((RGB, ALPHA)), {"alpha": ALPHA}, "alpha must be given once"),
        ("a.png", RGB, {"alpha": ALPHA[1:]}, "alpha must be (17, 23); got (16, 23)"),
        ("a.png", RGB * 1.0, {}, "must lie in [0, 1]"),
        ("a.png", RGB.transpose(2, 0, 1), {}, "channels come last"),
        ("a.png", LIKE, {}, "pixels must be an array; got Picture"),
        ("a.png", RGB, {"alpha": 0.5}, "alpha must be an array; got float"),
        ("a.webp", np.zeros((2, 16384, 3), np.uint8), {}, "WebP holds at most 16383 pixels a side"),
        ("a.jpg", np.zeros((65501, 1, 3), np.uint8), {}, "JPEG holds at most 65500 pixels a side"),
    ],
)
def test_what_cannot_be_written_is_refused(
    name: str, pixels: np.ndarray, options: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ImageError) as caught:
        write_image(tmp_path / name, pixels, **options)  # type: ignore[arg-type]  # wrong on purpose
    assert says in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", list(WRITERS))
def test_the_largest_side_can_be_written(ending: str, tmp_path: Path) -> None:
    side_px = min(WRITERS[ending].max_side_px, 65500)
    path = write_image(tmp_path / f"a{ending}", np.zeros((1, side_px), np.uint8))
    assert read_image(path).size_px == (1, side_px)


def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingImageError, match=r"the folder .* must exist; create it first"):
        write_image(tmp_path / "none" / "a.png", RGB)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match="is a folder; pass a file name"):
        write_image(tmp_path / "folder.png", RGB)


def test_a_failed_write_leaves_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_image(tmp_path / "a.png", RGB)

    def full_disk(_self: Path, _target: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_image(path, np.zeros_like(RGB))
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    np.testing.assert_array_equal(read_image(path).pixels, RGB)


def test_the_file_has_the_rights_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    path = write_image(tmp_path / ("x" * 250 + ".png"), RGB)  # the longest name there is, almost
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_neither_the_array_nor_the_picture_is_changed(tmp_path: Path) -> None:
    pixels, alpha = RGB.copy(), ALPHA.copy()
    pixels.setflags(write=False)
    write_image(os.fspath(tmp_path / "a.png"), pixels, alpha=alpha, like=LIKE)
    np.testing.assert_array_equal(alpha, ALPHA)
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as image:
        assert image.mode == "RGBA"
