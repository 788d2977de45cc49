"""What the image-classification pipeline costs, beside what a Keras user would write instead.

    python benchmarks/classification.py [--quick] [--photos FOLDER]

Claims: (1) one picture takes at most half of `model.predict`'s time; (2) 512 decoded pictures run
at 0.95 or more of the bare `tf.function`'s throughput, labels included; (3) 1,000 JPEG files are
done sooner than by `image_dataset_from_directory` and `predict`; (4) memory is flat over 20,000
pictures.
Every contender has the same network and weights, and takes its turn in the same process.
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.timing import Contenders, in_turn, machine, ratio, resident_mb, table
from pipelines.classification.pipeline import ImageClassification

PRESET = "lenet_modern_mnist"
BATCH = 512


def main() -> int:
    """Measure, and print the tables and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    parser.add_argument("--photos", type=Path, help="a folder of JPEG files, instead of our own")
    options = parser.parse_args()
    few = options.quick
    classify = ImageClassification.from_preset(PRESET)
    print(f"{machine()}\n")
    verdicts = [
        single_picture(classify, rounds=20 if few else 300),
        large_batch(classify, rounds=3 if few else 40),
        jpeg_files(classify, options.photos, count=40 if few else 1000, rounds=1 if few else 5),
        memory(classify, count=600 if few else 20_000),
    ]
    print("\n".join(f"- {'holds' if holds else 'FAILS'}: {claim}" for claim, holds in verdicts))
    return 0


def single_picture(classify: ImageClassification, *, rounds: int) -> tuple[str, bool]:
    """Time one decoded picture to labels against `predict` on the prepared array."""
    picture = digit_pictures(1)[0]
    prepared = picture[None, :, :, None].astype("float32") / 255
    seconds = in_turn(
        {
            "pipeline, pixels to labels": lambda: classify(picture),
            "`model.predict`, prepared to logits": lambda: classify.model.predict(
                prepared, verbose=0
            ),
        },
        rounds=rounds,
    )
    ours, theirs = seconds.values()
    rows = [
        (name, f"{statistics.median(s) * 1e3:.2f} ms", f"{min(s) * 1e3:.2f} ms")
        for name, s in seconds.items()
    ]
    print(table(("one 28 x 28 picture", "median", "best"), rows), "\n")
    share = ratio(ours, theirs)
    return f"one picture takes {share:.3f} of `model.predict`'s time (at most 0.5)", share <= 0.5


def large_batch(classify: ImageClassification, *, rounds: int) -> tuple[str, bool]:
    """Time 512 decoded pictures to labels against the network alone on the prepared batch."""
    pictures = digit_pictures(BATCH)
    prepared = tf.constant(np.stack(pictures)[..., None].astype("float32") / 255)
    bare = tf.function(lambda x: classify.model(x, training=False), autograph=False)
    seconds = in_turn(
        {
            "pipeline, pixels to labels": lambda: classify(pictures, batch_size=BATCH),
            "bare `tf.function`, prepared to logits": lambda: bare(prepared).numpy(),
            "`model.predict`": lambda: classify.model.predict(
                prepared, batch_size=BATCH, verbose=0
            ),
        },
        rounds=rounds,
    )
    rows = [
        (name, f"{BATCH / statistics.median(s):,.0f}", f"{statistics.median(s) * 1e3:.1f} ms")
        for name, s in seconds.items()
    ]
    print(table((f"{BATCH} pictures of 28 x 28", "pictures/s", "median"), rows), "\n")
    ours, bare_seconds, _ = seconds.values()
    share = ratio(bare_seconds, ours)
    return f"{share:.3f} of the bare `tf.function`'s throughput (at least 0.95)", share >= 0.95


def jpeg_files(
    classify: ImageClassification, photos: Path | None, *, count: int, rounds: int
) -> tuple[str, bool]:
    """Time JPEG files on disk to labels against Keras's own loader and `predict`."""
    with tempfile.TemporaryDirectory() as made:
        folder = photos or write_photographs(Path(made), count)
        files = sorted(folder.rglob("*.jpg"))

        def keras_loader(batch_size: int) -> np.ndarray:
            data = keras.utils.image_dataset_from_directory(
                folder,
                labels=None,
                color_mode="grayscale",
                image_size=(28, 28),
                batch_size=batch_size,
                shuffle=False,
                verbose=False,
            )
            scores: np.ndarray = classify.model.predict(data.map(lambda x: x / 255.0), verbose=0)
            return scores

        contenders: Contenders = {
            "pipeline, `stream(files)`": lambda: list(classify.stream(files, batch_size=64)),
            "`image_dataset_from_directory` + `predict`, batch 32": lambda: keras_loader(32),
            "the same, batch 256": lambda: keras_loader(256),
        }
        seconds = in_turn(contenders, rounds=rounds, warm_up=1)
    rows = [
        (name, f"{statistics.median(s):.2f} s", f"{len(files) / statistics.median(s):,.0f}")
        for name, s in seconds.items()
    ]
    print(table((f"{len(files)} JPEG files", "median", "files/s"), rows), "\n")
    ours, *theirs = seconds.values()
    share = max(ratio(ours, other) for other in theirs)
    return f"{share:.3f} of the quicker Keras loader's time (below 1)", share < 1


def memory(classify: ImageClassification, *, count: int) -> tuple[str, bool]:
    """Read the resident memory while a stream of encoded pictures goes by."""
    start = count // 10
    marks: dict[int, float] = {}
    for number, _ in enumerate(classify.stream(encoded_pictures(count), batch_size=64), start=1):
        if number in (start, count // 2, count):
            marks[number] = resident_mb()
    rows = [(f"{number:,}", f"{mb:.0f} MB") for number, mb in marks.items()]
    print(table(("PNG pictures streamed", "resident"), rows), "\n")
    growth = marks[count] - marks[start]
    # Allocators keep some pages: a leak of one 28 x 28 picture each would be 14 MB.
    return f"memory grew by {growth:.1f} MB over {count - start:,} pictures (below 10)", growth < 10


def digit_pictures(count: int) -> list[np.ndarray]:
    """Return real digits, (28, 28) uint8, light on dark."""
    from sklearn.datasets import load_digits

    small = np.round(load_digits().images[:count] * (255 / 16)).astype(np.uint8)
    large = np.kron(small, np.ones((1, 2, 2), np.uint8))
    return list(np.pad(large, ((0, 0), (6, 6), (6, 6))))


def encoded_pictures(count: int) -> Iterator[bytes]:
    """Yield PNG files of digits, each made when it is asked for."""
    for picture in itertools.islice(itertools.cycle(digit_pictures(200)), count):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG", compress_level=1)
        yield file.getvalue()


def write_photographs(folder: Path, count: int) -> Path:
    """Write crops of scikit-learn's two photographs, 224 to 400 px a side, as JPEG files."""
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(0)
    photographs = load_sample_images().images  # (427, 640, 3)
    for number in range(count):
        photograph = photographs[number % 2]
        height, width = random.integers(224, 400, 2)
        y, x = random.integers(0, 427 - height), random.integers(0, 640 - width)
        crop = Image.fromarray(photograph[y : y + height, x : x + width])
        crop.save(folder / f"{number:04}.jpg", quality=90)
    return folder


if __name__ == "__main__":
    sys.exit(main())
