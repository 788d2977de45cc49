"""Pictures decoded once: the same as the pipeline's, with their labels, whatever goes wrong."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from PIL import Image

from pipelines.classification import picture_cache
from pipelines.classification.data import DataError, LabelledImages, load_data
from pipelines.classification.picture_cache import cached_pictures
from pipelines.classification.pipeline import ImageClassification
from pipelines.images import ImageError
from pipelines.preprocessing import ImagePreprocessing

PLAN = ImagePreprocessing(height_px=16, width_px=24, scale=(2.0,), offset=(-1.0,))


def crops(photographs, folder: Path, count: int = 6) -> LabelledImages:
    """Write crops of two photographs, small and large, in several formats and modes."""
    kinds = (("a.png", "RGB"), ("b.jpg", "L"), ("c.webp", "RGBA"), ("d.png", "P"))
    for name, photo in photographs.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            side = 40 if number % 2 else 200  # on both sides of SMALL_PX
            y, x = 13 * number, 29 * number
            end, mode = kinds[number % len(kinds)]
            crop = Image.fromarray(photo[y : y + side, x : x + side + number])
            crop.convert(mode).save(folder / name / f"{number}{end}")
    return load_data(folder)


@pytest.fixture
def data(photographs, tmp_path: Path) -> LabelledImages:
    return crops(photographs, tmp_path / "photos")


def classifier(plan: ImagePreprocessing) -> ImageClassification:
    shape = plan.input_shape
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    return ImageClassification(model, preprocessing=plan, labels=["a", "b"])


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        replace(PLAN, fit="pad", margin_px=3),
        replace(PLAN, fit="stretch", channels=1, polarity="light_on_dark"),
    ],
    ids=lambda plan: str(plan.fit),
)
def test_the_same_pictures_as_the_pipelines(data, digits, plan: ImagePreprocessing) -> None:
    pipeline = classifier(plan)
    for source in (data, digits.take(20)):
        kept = cached_pictures(source, plan)
        assert kept.images.dtype == np.uint8
        np.testing.assert_array_equal(kept.images, pipeline.fitted_pictures(source.images))
        np.testing.assert_array_equal(kept.labels, source.labels)


def test_an_array_that_fits_is_not_copied(digits) -> None:
    plan = ImagePreprocessing(height_px=8, width_px=8, channels=1)
    assert np.shares_memory(cached_pictures(digits, plan).images, digits.images)
    floats = LabelledImages(digits.images[:3] / 255.0, digits.labels[:3], digits.classes, "floats")
    kept = cached_pictures(floats, plan)
    np.testing.assert_array_equal(kept.images[..., 0], digits.images[:3])


def test_they_are_kept_and_read_again_unless_something_changed(data, tmp_path: Path) -> None:
    again = partial(cached_pictures, data, folder=tmp_path / "run", name="train")
    first = again(PLAN)
    np.testing.assert_array_equal(np.load(tmp_path / "run" / "train.npy"), first.images)
    written = (tmp_path / "run" / "train.npy").stat().st_mtime_ns
    again(replace(PLAN, scale=(3.0,)))  # what comes after fitting does not matter
    assert (tmp_path / "run" / "train.npy").stat().st_mtime_ns == written
    victim = Path(data.images[2])
    times = victim.stat()
    victim.write_bytes(bytes(times.st_size))
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    np.testing.assert_array_equal(again(PLAN).images, first.images)  # nobody looked inside
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    with pytest.raises(ImageError, match=victim.name):
        again(PLAN)
    assert again(replace(PLAN, fit="pad"), on_error="skip").images.shape == (11, 16, 24, 3)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "train-skipped.csv",
        "train.npy",
    ]


@pytest.mark.parametrize("cut", [0, 5, 100, 5_000, -400, -1])
def test_a_file_cut_short_is_made_again(data, tmp_path: Path, cut: int) -> None:
    first = cached_pictures(data, PLAN, folder=tmp_path).images
    path = tmp_path / "pictures.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    np.testing.assert_array_equal(cached_pictures(data, PLAN, folder=tmp_path).images, first)
    assert path.read_bytes() == whole


def test_large_sets_stay_on_the_disk(data, tmp_path: Path, monkeypatch) -> None:
    in_memory = cached_pictures(data, PLAN, folder=tmp_path)
    assert not isinstance(in_memory.images, np.memmap)
    monkeypatch.setattr(picture_cache, "IN_MEMORY_BYTES", 1_000)
    on_disk = cached_pictures(data, PLAN, folder=tmp_path)
    assert isinstance(on_disk.images, np.memmap)
    np.testing.assert_array_equal(on_disk.images, in_memory.images)


def corrupt(data: LabelledImages) -> dict[int, str]:
    """Spoil pictures in the middle, each in another way; return what is said of each place."""
    files = [Path(file) for file in data.images]
    files[1].write_bytes(b"")
    files[4].write_text("no picture at all")
    files[6].write_bytes(files[6].read_bytes()[:200])
    files[7].unlink()
    files[7].mkdir()
    files[9].unlink()
    files[9].symlink_to(files[9].name)
    files[10].unlink()
    return {1: "empty", 4: "", 6: "", 7: "is a folder", 9: "cannot be read", 10: "no such file"}


def test_labels_stay_with_their_pictures_whatever_is_skipped(data, tmp_path: Path) -> None:
    whole = cached_pictures(data, PLAN)
    said = corrupt(data)
    left = [place for place in range(len(data)) if place not in said]
    # Made, and then read again from the file.
    for _ in range(2):
        kept = cached_pictures(data, PLAN, folder=tmp_path / "run", on_error="skip")
        assert kept.places.tolist() == left
        np.testing.assert_array_equal(kept.images, whole.images[left])
        np.testing.assert_array_equal(kept.labels, data.labels[left])
        assert [failure.source for failure in kept.failures] == [str(data.images[i]) for i in said]
        for failure, why in zip(kept.failures, said.values(), strict=True):
            assert why in failure.reason
            assert failure.source not in failure.reason
    report = (tmp_path / "run" / "pictures-skipped.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in report] == ["file", *(str(data.images[i]) for i in said)]
    with pytest.raises(DataError, match=Path(data.images[1]).name):
        cached_pictures(data, PLAN, folder=tmp_path / "run")


def test_one_that_cannot_be_read_is_refused_and_leaves_nothing(data, tmp_path: Path) -> None:
    corrupt(data)
    with pytest.raises(ImageError, match=Path(data.images[1]).name):
        cached_pictures(data, PLAN, folder=tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []
    bad = replace(data, images=(data.images[1],), labels=data.labels[:1])
    for folder in (None, tmp_path / "run"):
        with pytest.raises(DataError, match="no picture could be read"):
            cached_pictures(bad, PLAN, folder=folder, on_error="skip")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written: .*choose another folder"):
        cached_pictures(data, PLAN, folder=tmp_path / "file" / "run", on_error="skip")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: the system's own error, no mock."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_and_cleared(data, tmp_path: Path) -> None:
    with (
        room_for(5_000),
        pytest.raises(DataError, match=r"cannot be written: .*MB are needed for 12 pictures"),
    ):
        cached_pictures(data, PLAN, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert len(cached_pictures(data, PLAN, folder=tmp_path).images) == 12


def test_more_than_the_disk_holds_is_refused_before_anything_is_read(data, tmp_path: Path) -> None:
    huge = replace(PLAN, height_px=8192, width_px=8192)  # 200 MB a picture
    many = replace(data, images=data.images * 10**6, labels=np.tile(data.labels, 10**6))
    begun = time.monotonic()
    with pytest.raises(DataError, match=r"MB are needed for 12,000,000 pictures; free them"):
        picture_cache._make(
            tmp_path / "x.npy",
            picture_cache._Pictures(many.images, picture_cache._Fitter(huge), "raise", False),
            "key",
        )
    assert time.monotonic() - begun < 60  # reading them would take days
    assert not (tmp_path / "x.npy").exists()


def test_memory_does_not_grow_with_the_pictures(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(picture_cache, "IN_MEMORY_BYTES", 1_000)
    plan = replace(PLAN, height_px=256, width_px=256, fit="stretch")
    small = Image.new("RGB", (8, 8), "red")
    small.save(tmp_path / "small.png")
    load = partial(LabelledImages, classes=("red",), name="red")
    few = load(images=(tmp_path / "small.png",) * 40, labels=np.zeros(40, int))
    many = load(images=(tmp_path / "small.png",) * 800, labels=np.zeros(800, int))
    cached_pictures(few, plan, folder=tmp_path / "few")  # traces the graph, starts the threads
    process, most, done = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most[0] = max(most[0], process.memory_info().rss)

    before = process.memory_info().rss
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        kept = cached_pictures(many, plan, folder=tmp_path / "many")
    finally:
        done.set()
        watcher.join()
    assert kept.images.nbytes == 800 * 256 * 256 * 3  # 157 MB
    # The threads' pictures and TensorFlow's own buffers; the whole set would be 157 MB.
    assert most[0] - before < 80e6


WRITER = """
import sys
from pathlib import Path
import numpy as np
from pipelines.classification.data import LabelledImages
from pipelines.classification.picture_cache import cached_pictures
from pipelines.preprocessing import ImagePreprocessing
picture, folder = map(Path, sys.argv[1:])
data = LabelledImages((picture,) * 100_000, np.zeros(100_000, int), ("one",), "many")
cached_pictures(data, ImagePreprocessing(height_px=64, width_px=64), folder=folder)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_nothing_that_passes_for_complete(data, tmp_path: Path) -> None:
    picture, run = Path(data.images[0]), tmp_path / "run"
    command = [sys.executable, "-c", WRITER, str(picture), str(run)]
    root = Path(__file__).resolve().parents[3]
    child = subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    try:
        until = time.monotonic() + 200
        while not any(part.stat().st_size > 100_000 for part in run.glob("*.part")):
            assert child.poll() is None, "the writer ended by itself"
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    (part,) = run.iterdir()
    kept = cached_pictures(data, PLAN, folder=run)
    np.testing.assert_array_equal(kept.images, cached_pictures(data, PLAN).images)
    assert part.exists()  # its process might still be writing
    os.utime(part, (0, 0))
    cached_pictures(data, replace(PLAN, fit="pad"), folder=run)
    assert not part.exists()
