from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps import uploaded_sets
from apps.uploaded_sets import load_upload
from pipelines.classification.data import DataError


def png(shade: int = 0) -> bytes:
    """Make a small picture."""
    file = BytesIO()
    Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(file, "png")
    return file.getvalue()


def pack(path: Path, files: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip archive with names as they are given."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def two_classes(count: int = 20, above: str = "") -> dict[str, bytes]:
    """Make pictures of cats and dogs."""
    return {f"{above}{kind}/{i}.png": png(i) for kind in ("cat", "dog") for i in range(count)}


def load(path: Path) -> tuple[list[str], list[str], list[str]]:
    """Load a file; give the labels of both parts and what was left out."""
    training, held_out, left_out = load_upload(path, path.parent, lambda _: None)
    parts = [[data.classes[i] for i in data.labels] for data in (training, held_out)]
    return parts[0], parts[1], left_out


def test_a_folder_a_class_is_a_class_and_a_fifth_is_held_out(tmp_path: Path) -> None:
    path = pack(tmp_path / "upload", two_classes(50, "pets/"))
    training, held_out, left_out = load(path)
    assert sorted(training + held_out) == ["cat"] * 50 + ["dog"] * 50
    assert 8 <= len(held_out) <= 32  # a fifth of 100, three standard deviations of 4 either way
    assert left_out == []
    assert load(path) == (training, held_out, [])  # as a training does that goes on


@pytest.mark.parametrize("held", ["validation", "val", "test"])
def test_an_archive_may_say_what_is_held_out(tmp_path: Path, held: str) -> None:
    files = two_classes(3, "train/") | two_classes(2, f"{held}/")
    training, held_out, _ = load(pack(tmp_path / "upload", files))
    assert (len(training), len(held_out)) == (6, 4)


def test_names_lead_nowhere_and_labels_stay_words(tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    hostile = {
        f"../../{label}/{i}.png": png(i) for i in range(20) for label in ("..\\evil", "**x** $y$")
    }
    hostile |= {"/etc/cron.d/z.png": png(), "__MACOSX/cat/1.png": b"", "cat/.hidden.png": b""}
    training, held_out, _ = load(pack(inside / "upload", hostile))
    assert set(training + held_out) == {"evil", "**x** $y$", "cron.d"}
    outside = [
        path for path in tmp_path.rglob("*") if path.is_file() and inside not in path.parents
    ]
    assert outside == []
    assert all(path.stem.isdigit() for path in (inside / uploaded_sets.PICTURES).iterdir())


def test_pictures_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    files = two_classes() | {"cat/broken.png": png()[:40], "dog/text.jpg": b"no picture"}
    training, held_out, left_out = load(pack(tmp_path / "upload", files))
    assert len(training + held_out) == 40
    assert [line.partition(": ")[0] for line in left_out] == ["cat/broken.png", "dog/text.jpg"]
    assert "<bytes>" not in "".join(left_out)


def test_a_lie_about_a_size_is_found_out(tmp_path: Path) -> None:
    path = pack(tmp_path / "upload", two_classes() | {"cat/bomb.png": bytes(30 * 2**20)})
    content = bytearray(path.read_bytes())
    place = content.rindex(b"cat/bomb.png") - 46 + 24  # the size, in the central directory's entry
    content[place : place + 4] = (100).to_bytes(4, "little")
    path.write_bytes(content)
    _, _, left_out = load(path)
    assert len(left_out) == 1
    assert left_out[0].startswith("cat/bomb.png: ")


@pytest.mark.parametrize(
    ("files", "packing", "words"),
    [
        ({"cat/1.png": b"x"}, zipfile.ZIP_DEFLATED, "two or more classes; it has 1"),
        ({"1.png": b"x", "2.png": b"x"}, zipfile.ZIP_DEFLATED, "it has 0"),
        ({"a/1.png": b"x", "b/1.png": b"x"}, zipfile.ZIP_BZIP2, "packed by Deflate or not at all"),
        ({"a/1.png": b"x", "b/1.png": b"x"}, zipfile.ZIP_STORED, "none of the pictures can be"),
        ({f"{i}/1.png": b"x" for i in range(101)}, zipfile.ZIP_STORED, "of 100 classes; got 101"),
        ({f"a/{i}.png": b"" for i in range(3_001)}, zipfile.ZIP_STORED, "3,000 pictures"),
        (
            {f"{i % 2}/{i}.png": bytes(19 * 2**20) for i in range(11)},
            zipfile.ZIP_DEFLATED,
            "at most 200 MB; it states 209 MB",
        ),
        ({"images.npy": bytes(201 * 2**20)}, zipfile.ZIP_DEFLATED, "at most 200 MB"),
    ],
    ids=["one", "none", "packing", "unreadable", "classes", "many", "bomb", "arrays"],
)
def test_what_is_refused_is_told(
    tmp_path: Path, files: dict[str, bytes], packing: int, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        load(pack(tmp_path / "upload", files, packing))


def test_a_password_and_other_files_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "upload", two_classes())
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # "is encrypted", of each entry
        place = content.find(mark)
        while place >= 0:
            content[place + flags] |= 1
            place = content.find(mark, place + 4)
    path.write_bytes(content)
    for damaged in (bytes(content), b"no archive", path.read_bytes()[:100]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="whole zip archive or npz file without a password"):
            load(path)


def test_arrays_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    images = np.zeros((100, 8, 8), np.uint8)
    np.savez_compressed(path, images=images, labels=np.arange(100) % 3)
    path = path.rename(tmp_path / "upload")
    training, held_out, _ = load(path)
    assert len(training + held_out) == 100
    assert load(path) == (training, held_out, [])  # as a training does that goes on
    assert set(training) == {"0", "1", "2"}
