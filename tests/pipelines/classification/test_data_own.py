"""A person's own files: folders, CSV files, and how they are parted."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.classification.data import DataError, LabelledImages, Parts, load_data
from pipelines.classification.labelled_images import SPLITS, Failure, write_failures

NOT_UTF8 = b"caf\xe9.png"


def picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), value).save(path)
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """200 files a class, which need not be pictures to be listed."""
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(200):
            (tmp_path / name / f"{number:03}.jpg").touch()
    return tmp_path


def named(data: LabelledImages, root: Path) -> dict[str, str]:
    """Return the label of each file."""
    files = [Path(file).relative_to(root).as_posix() for file in data.images]
    return dict(zip(files, [data.classes[i] for i in data.labels], strict=True))


def parted(root: Path, **options) -> dict[str, set[str]]:
    return {split: set(named(load_data(root, split, **options), root)) for split in SPLITS}


def test_parts_share_nothing_and_lose_nothing(many: Path) -> None:
    parts = parted(many)
    assert sum(map(len, parts.values())) == len(set().union(*parts.values())) == 400
    for split, fraction in zip(SPLITS, (0.7, 0.15, 0.15), strict=True):
        for counted in load_data(many, split).counts.values():
            # Four standard deviations of a binomial distribution of 200.
            assert abs(counted - 200 * fraction) < 4 * np.sqrt(200 * fraction * (1 - fraction))
    for file, label in named(load_data(many), many).items():
        assert file.startswith(label)
    assert load_data(many, "test").name == f"{many.name} test"


def test_new_files_move_no_other(many: Path) -> None:
    before = parted(many)
    (many / "cat" / "017.jpg").unlink()
    (many / "bird").mkdir()
    for number in range(50):
        (many / "bird" / f"{number}.jpg").touch()
        (many / "cat" / f"new {number}.jpg").touch()
    after = parted(many)
    for split, files in before.items():
        assert after[split] >= files - {"cat/017.jpg"}
    assert load_data(many, "train").classes == ("bird", "cat", "dog")


def test_seed_and_fractions_are_for_who_asks(many: Path) -> None:
    usual, other = parted(many), parted(many, parts=Parts(seed=1))
    assert usual["test"] != other["test"]
    assert parted(many, parts=Parts(test=0.3))["test"] > usual["test"]
    whole = named(load_data(many, "train", held_out=False), many)
    assert set(whole) == usual["train"] | usual["validation"]
    with pytest.raises(ValueError, match=r"leave something to train on; got 0\.5 and 0\.5"):
        Parts(validation=0.5, test=0.5)


def test_a_folder_a_split(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path / "train" / ("cat" if number % 2 else "dog") / f"{number}.png")
    picture(tmp_path / "test" / "dog" / "0.png")
    test = load_data(tmp_path)
    assert (len(test), test.classes, test.labels.tolist()) == (1, ("cat", "dog"), [1])
    assert len(load_data(tmp_path, "train")) == 40
    train, held_out = load_data(tmp_path, "train", held_out=True), load_data(tmp_path, "validation")
    assert len(train) + len(held_out) == 40
    assert 0 < len(held_out) < 20
    assert not set(train.images) & set(held_out.images)
    picture(tmp_path / "validation" / "cat" / "0.png")
    assert len(load_data(tmp_path, "validation")) == 1
    assert len(load_data(tmp_path, "train", held_out=True)) == 40


def test_train_and_test_may_be_classes_among_others(tmp_path: Path) -> None:
    for name in ("train", "bus", "plane"):
        picture(tmp_path / name / "0.png")
    assert load_data(tmp_path).classes == ("bus", "plane", "train")


def test_hostile_folders(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "deep" / "er" / "1.png")
    picture(tmp_path / "cat" / "x.jpg" / "2.png")  # a folder's name says nothing
    picture(tmp_path / "unlabelled.png")
    picture(tmp_path / "dog" / ".hidden.png")
    picture(tmp_path / "dog" / os.fsdecode(NOT_UTF8))
    (tmp_path / "dog" / "loop.png").symlink_to("loop.png")
    (tmp_path / "dog" / "again").symlink_to(tmp_path)
    (tmp_path / "looped").symlink_to("looped")
    data = load_data(tmp_path)
    assert data.classes == ("cat", "dog")
    found = [os.fsencode(Path(file).name) for file in data.images]
    assert found == [b"1.png", b"2.png", NOT_UTF8, b"loop.png"]
    assert data.labels.tolist() == [0, 0, 1, 1]


def test_a_class_without_pictures_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "0.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: must hold pictures of its class; has none"):
        load_data(tmp_path)
    data = load_data(tmp_path, on_error="skip")
    assert data.classes == ("cat",)
    assert [Path(failure.source).name for failure in data.failures] == ["empty"]
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")  # noqa: PTH102 - no Path takes bytes
    with pytest.raises(DataError, match=r"name must be UTF-8; rename the folder"):
        load_data(tmp_path, on_error="skip")
    with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip'; got 'ignore'"):
        load_data(tmp_path, on_error="ignore")  # type: ignore[arg-type]


def test_a_part_without_pictures_says_so(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "0.png")
    assert len(load_data(tmp_path)) == 1
    with pytest.raises(DataError, match=r"nothing in it; 1 pictures are too few to be parted"):
        load_data(tmp_path, "train")  # its hash says otherwise
    picture(tmp_path / "own" / "train" / "cat" / "0.png")
    with pytest.raises(DataError, match=r"own test: there is nothing in it; the data has train"):
        load_data(tmp_path / "own")


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """Three pictures, one of an awkward name, and a function that writes a CSV file."""
    for name in ("a.png", "sub/b.png", 'odd, "name"\nof two lines.png'):
        picture(tmp_path / name)

    def write(*lines: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "labels.csv"
        path.write_bytes("\r\n".join(lines).encode(encoding))
        return path

    return write


def test_a_csv_file(csv_file, tmp_path: Path) -> None:
    path = csv_file(
        "Label,note,path",
        "",
        "dog,,a.png",
        'cat,"two\r\nlines",sub/../sub/b.png',
        'cat,,"odd, ""name""\nof two lines.png"',
        " , , ",
        encoding="utf-8-sig",
    )
    data = load_data(path)
    assert (data.classes, data.labels.tolist()) == (("cat", "dog"), [1, 0, 0])
    assert [Path(file).exists() for file in data.images] == [True] * 3
    assert named(data, tmp_path)["a.png"] == "dog"


def test_a_csv_file_and_a_folder_are_parted_alike(many: Path) -> None:
    files = [f"{name}/{number:03}.jpg" for name in ("dog", "cat") for number in range(200)]
    lines = ["path,label", *(f"{file},{file[:3]}" for file in files)]
    (many / "all.csv").write_text("\n".join(lines))
    expected = parted(many)
    for split in SPLITS:
        assert set(named(load_data(many / "all.csv", split), many)) == expected[split]


def test_a_csv_file_may_state_the_split(csv_file) -> None:
    path = csv_file("path,label,split", "a.png,dog,train", "sub/b.png,cat,test")
    test = load_data(path)
    assert (len(test), test.classes, test.labels.tolist()) == (1, ("cat", "dog"), [0])
    assert load_data(path, "train").labels.tolist() == [1]


GOOD = "a.png,dog"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sub/b.png", "must have 2 values; has 1"),
        ("sub/b.png,cat,more", "must have 2 values; has 3"),
        ("sub/b.png, ", "must have a path and a label"),
        ("missing.png,cat", "missing.png: no such file"),
        ("sub\\b.png,cat", "no such file; write / between folders"),
        ("sub,cat", "sub: is a folder"),
        ("./a.png,cat", "./a.png: is named in line 2 already"),
        ("../b.png,cat", "must be relative and stay in the folder"),
        ("sub/../../b.png,cat", "must be relative and stay in the folder"),
        ("/etc/passwd,cat", "must be relative and stay in the folder"),
        ("nul\0.png,cat", "no such file"),
    ],
)
def test_a_wrong_line_is_named_or_skipped(csv_file, line: str, says: str) -> None:
    path = csv_file("path,label", GOOD, line, "sub/b.png,cat")
    with pytest.raises(DataError) as caught:
        load_data(path)
    assert str(caught.value).startswith("labels.csv line 3: ")
    assert says in str(caught.value)
    data = load_data(path, on_error="skip")
    assert [Path(file).name for file in data.images] == ["a.png", "b.png"]
    assert [data.classes[label] for label in data.labels] == ["dog", "cat"]
    assert [failure.source for failure in data.failures] == ["labels.csv line 3"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("path;label", "a.png;dog"), "with commas between; got 'path;label'"),
        (("a.png,dog",), "must begin with a line that names the columns"),
        (("path,label,path", "a.png,dog,b"), "must begin with a line"),
        ((), "must begin with a line"),
        (("path,label",), "it names none"),
        (("path,label", '"a.png,dog'), "line 2: is no CSV"),
        (("path,label,split", "a.png,dog,valid"), "train, validation, test; got 'valid'"),
    ],
)
def test_what_is_no_such_csv_file(csv_file, lines: Sequence[str], says: str) -> None:
    with pytest.raises(DataError) as caught:
        load_data(csv_file(*lines))
    assert says in str(caught.value)


def test_a_csv_file_must_be_utf8(csv_file) -> None:
    with pytest.raises(DataError, match=r"must be UTF-8; byte 17 is not: save it as CSV UTF-8"):
        load_data(csv_file("path,label", "a.pngé,dog", encoding="latin-1"))


def test_failures_are_written_with_their_own_bytes(tmp_path: Path) -> None:
    failures = (Failure(os.fsdecode(NOT_UTF8), "is no picture"), Failure("a,b", "x"))
    path = write_failures(failures, tmp_path / "skipped.csv")
    lines = path.read_bytes().splitlines()
    assert lines == [b"file,reason", NOT_UTF8 + b",is no picture", b'"a,b",x']


def test_places_choose_pictures_and_labels_alike(many: Path) -> None:
    data = load_data(many)
    some = data.at(np.array([3, 250]))
    assert some.images == (data.images[3], data.images[250])
    assert some.labels.tolist() == [0, 1]
    arrays = LabelledImages(np.arange(12).reshape(3, 2, 2), np.array([0, 1, 0]), ("a", "b"), "x")
    assert np.asarray(arrays.at(np.array([2])).images).tolist() == [[[8, 9], [10, 11]]]
