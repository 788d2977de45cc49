"""The door: files, folders, many pictures at once, and everything that must be refused."""

from __future__ import annotations

import itertools
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from pipelines import images
from pipelines.images import (
    ImageError,
    Limits,
    Picture,
    describe_source,
    list_images,
    read_image,
    read_images,
)
from tests.pipelines.encoded_images import encode
from tests.pipelines.hostile_images import HOSTILE_IMAGES, HostileInput, photograph


@pytest.mark.parametrize("hostile", HOSTILE_IMAGES, ids=lambda hostile: hostile.id)
@pytest.mark.filterwarnings("error")
def test_hostile_input_is_refused(hostile: HostileInput, tmp_path: Path) -> None:
    source = hostile.make(tmp_path)
    with pytest.raises(hostile.error, match=re.escape(hostile.says)) as caught:
        read_image(source)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800


def test_hostile_inputs_are_named_apart() -> None:
    names = [hostile.id for hostile in HOSTILE_IMAGES]
    assert len(names) == len(set(names)) >= 35


def test_one_bad_input_stops_nothing(tmp_path: Path) -> None:
    sources: list[Any] = [hostile.make(_folder(tmp_path, hostile)) for hostile in HOSTILE_IMAGES]
    good = encode(photograph(), "PNG")
    mixed = [item for source in sources for item in (source, good)]
    outcomes = list(read_images(mixed))
    assert [type(outcome) for _, outcome in outcomes[1::2]] == [Picture] * len(sources)
    for hostile, (_, outcome) in zip(HOSTILE_IMAGES, outcomes[::2], strict=True):
        assert isinstance(outcome, hostile.error)


def _folder(tmp_path: Path, hostile: HostileInput) -> Path:
    folder = tmp_path / hostile.id
    folder.mkdir()
    return folder


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encode(photograph(), "PNG"))
    tmp_path.chmod(0o700)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(ImageError, match=r"secret\.png: cannot be read: Permission denied"):
            read_image(path)
    finally:
        os.seteuid(user)


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.chdir(tmp_path)  # a socket's path is at most 108 bytes long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.jpg")
        with pytest.raises(ImageError, match=r"s\.jpg: must be a regular file; got a socket"):
            read_image("s.jpg")


@pytest.mark.parametrize("as_source", [str, Path, Path.read_bytes, Image.open, np.asarray])
def test_all_kinds_of_source_give_the_same_pixels(
    as_source: Callable[[Any], Any], tmp_path: Path
) -> None:
    expected = load_sample_images().images[1]
    path = tmp_path / "flower.png"
    Image.fromarray(expected).save(path)
    source = as_source(expected if as_source is np.asarray else path)
    picture = read_image(source)
    np.testing.assert_array_equal(picture.pixels, expected)
    assert picture.source == describe_source(source)
    assert picture.size_px == (427, 640)
    assert picture.bit_depth == 8
    assert picture.rgb8 is picture.pixels


def test_sources_are_described() -> None:
    image = Image.new("L", (2, 2))
    sources = ["a/cat.jpg", Path("a/cat.jpg"), "https://x/y", b"x", image, np.zeros(3), None]
    described = ["a/cat.jpg", "a/cat.jpg", "https://x/y", "<bytes>", "<PIL image>", "<array>"]
    assert [describe_source(source) for source in sources] == [*described, "<NoneType>"]


def test_limits_hold(tmp_path: Path) -> None:
    data = encode(photograph(), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        with pytest.raises(ImageError, match=f"at most 100 bytes; got {len(data):,}"):
            read_image(source, limits=Limits(max_bytes=100))
        with pytest.raises(ImageError, match="at most 6,143 pixels; got 64 x 96 = 6,144"):
            read_image(source, limits=Limits(max_pixels=6143))
        assert read_image(source, limits=Limits(max_pixels=6144, max_bytes=len(data)))


@pytest.mark.parametrize(
    "wrong",
    [{"max_pixels": 0}, {"max_bytes": 0}, {"url_max_redirects": -1}, {"url_timeout_s": 0.0}],
)
def test_limits_are_checked(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Limits(**wrong)


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(photograph(), "PNG"))
    unwatched_open = os.open

    def open_and_append(name: str, flags: int) -> int:
        with path.open("ab") as file:
            file.write(b"more")
        return unwatched_open(name, flags)

    monkeypatch.setattr(os, "open", open_and_append)
    with pytest.raises(ImageError, match="must not change while it is read"):
        read_image(path)


# --- Many pictures -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty pictures of different sizes, so that their order shows."""
    for number in range(20):
        Image.new("RGB", (10 + number, 5), (number, 0, 0)).save(tmp_path / f"{number:02}.png")
    return tmp_path


def _wait_for_threads() -> None:
    """Wait until no reading thread is left."""
    patience_s = 10
    give_up = time.monotonic() + patience_s
    while any(thread.name.startswith("read-images") for thread in threading.enumerate()):
        assert time.monotonic() < give_up, "a reading thread is still alive"
        time.sleep(0.01)


@pytest.mark.parametrize(("workers", "ahead"), [(None, None), (1, 0), (3, 1), (4, 50)])
def test_pictures_come_in_order(folder: Path, workers: int | None, ahead: int | None) -> None:
    paths = list_images(folder)
    outcomes = list(read_images(paths, workers=workers, ahead=ahead))
    assert [source for source, _ in outcomes] == paths
    assert [picture.size_px[1] for _, picture in outcomes if isinstance(picture, Picture)] == list(
        range(10, 30)
    )
    _wait_for_threads()


def test_an_endless_source_is_read_ahead_only_so_far(folder: Path) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        for path in itertools.cycle(list_images(folder)):
            taken += 1
            yield path

    reader = read_images(endless(), workers=2, ahead=4)
    assert taken == 0
    for _ in itertools.islice(reader, 10):
        pass
    assert taken == 10 + 4
    reader.close()  # type: ignore[attr-defined]  # a generator, promised as an iterator only
    _wait_for_threads()


def test_an_exception_of_the_source_comes_after_what_was_before_it(folder: Path) -> None:
    def failing() -> Iterator[Path]:
        yield from list_images(folder)[:3]
        raise RuntimeError("the list ends badly")

    reader = read_images(failing())
    assert [next(reader)[0] for _ in range(3)] == list_images(folder)[:3]
    with pytest.raises(RuntimeError, match="the list ends badly"):
        next(reader)
    _wait_for_threads()


def test_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    patience_s = 30
    reading, stopped = threading.Event(), threading.Event()

    class SlowPath(os.PathLike[str]):
        """A path whose file takes its time, as on a sleeping disk."""

        def __fspath__(self) -> str:
            if threading.current_thread() is not threading.main_thread():
                reading.set()
                stopped.wait(patience_s)
            return str(tmp_path / "none.png")

    def press_ctrl_c() -> None:
        reading.wait(patience_s)
        time.sleep(0.5)  # Python misses a signal that comes just before it starts to wait
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    presser = threading.Thread(target=press_ctrl_c)
    presser.start()
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            next(read_images([SlowPath()] * 100, workers=1, ahead=5))
    finally:
        stopped.set()
    assert time.monotonic() - start < patience_s / 2
    presser.join()
    _wait_for_threads()


def test_arrays_are_taken_as_they_are_when_yielded() -> None:
    shared = np.zeros((4, 4, 3), np.uint8)

    def refilled() -> Iterator[np.ndarray]:
        for value in range(5):
            shared[:] = value
            yield shared

    outcomes = [picture for _, picture in read_images(refilled())]
    assert [int(p.pixels[0, 0, 0]) for p in outcomes if isinstance(p, Picture)] == [0, 1, 2, 3, 4]


def test_the_reading_threads_make_of_a_picture_what_is_asked(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{number}.png") for number in range(6)]
    for number, name in enumerate(names):
        Image.new("L", (number + 1, 2)).save(name)

    def width(picture: Picture) -> int:
        if picture.size_px[1] == 3:
            raise ValueError("three is refused")
        return picture.size_px[1]

    outcomes = list(read_images([*names, np.zeros((2, 9))], then=width))
    assert [source for source, _ in outcomes[:6]] == names
    made = [outcome for _, outcome in outcomes]
    assert isinstance(made.pop(2), ValueError)
    assert made == [1, 2, 4, 5, 6, 9]


@pytest.mark.parametrize(
    "single", ["cat.jpg", Path("cat.jpg"), b"x", np.zeros((4, 4)), np.zeros((4, 4, 3))]
)
def test_a_single_picture_is_no_list(single: Any) -> None:
    with pytest.raises(ImageError, match="use read_image or pass a list"):
        read_images(single)


def test_a_batch_array_is_a_list() -> None:
    batches: list[np.ndarray] = [np.zeros((3, 28, 28, 3)), np.zeros((3, 28, 28), np.uint8)]
    for batch in batches:
        pictures = [picture for _, picture in read_images(batch) if isinstance(picture, Picture)]
        assert [picture.size_px for picture in pictures] == [(28, 28)] * 3


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"ahead": -1}])
def test_counts_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, ahead at least 0"):
        read_images([], **wrong)


# --- Folders -------------------------------------------------------------------------------------


def test_pictures_of_a_folder_are_listed(tmp_path: Path) -> None:
    listed = ["b.JPG", "c d.png", "deep/a.webp", "deep/er/x.tiff"]
    hidden = [".a.jpg", ".git/b.png", "notes.txt", "deep/noextension"]
    for name in listed + hidden:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    assert list_images(tmp_path) == [tmp_path / name for name in listed]
    assert list_images(str(tmp_path), recursive=False) == [tmp_path / "b.JPG", tmp_path / "c d.png"]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pictures.jpg"
    file.write_bytes(b"")
    with pytest.raises(ImageError, match="is a file; pass a folder"):
        list_images(file)
    with pytest.raises(FileNotFoundError, match=r"did you mean pictures\.jpg\?"):
        list_images(tmp_path / "pictures")
    with pytest.raises(FileNotFoundError, match="no such file"):
        list_images("a\0b/c")


def test_reading_starts_no_tensorflow() -> None:
    import subprocess
    import sys

    code = "import sys, pipelines.images; sys.exit('tensorflow' in sys.modules)"
    root = Path(images.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
