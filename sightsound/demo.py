"""`make demo`: the shipped presets on real pictures, and one page that shows what came out.

    python -m sightsound.demo --out demo [--pictures 1797]

The pictures need no download: scikit-learn's handwritten digits, which no preset was trained on,
and its two photographs. Every figure on the page was measured in the run that wrote it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sightsound.console import table
from sightsound.demo_page import Section, render
from sightsound.demo_photographs import enlarge, remove_scratches
from sightsound.quiet import quiet_start

if TYPE_CHECKING:
    import numpy as np

    from pipelines.classification.data import LabelledImages
    from pipelines.classification.pipeline import ImageClassification

CELL_PX, CAPTION_PX, COLUMNS = 84, 20, 10
SHOWN = 40  # digits on the sheet
SEEN_PX = 280  # side of what the network saw: 28 pixels, ten times as large
INK, WRONG = "#1c2524", "#cf222e"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo, print its tables, and say where the page is."""
    parser = argparse.ArgumentParser(prog="python -m sightsound.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="the folder to write")
    parser.add_argument("--pictures", type=int, default=1797, help="how many digits to read")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    with quiet_start():
        from pipelines.classification.data import load_data
        from pipelines.classification.pipeline import ImageClassification
    options.out.mkdir(parents=True, exist_ok=True)
    digits = load_data("digits").take(options.pictures)
    classify = ImageClassification.from_preset("lenet_modern_mnist")
    sections = []
    for make in (
        read_digits,
        compare_presets,
        read_any_file,
        look_at_photographs,
        enlarge,
        remove_scratches,
        say_digits,
        serve,
    ):
        section = make(classify, digits, options.out)
        sections.append(section)
        print(f"\n{section.title}\n")
        if section.rows:
            print(table(section.header, section.rows))
    page = options.out / "index.html"
    page.write_text(render(sections, time.perf_counter() - start), "utf-8")
    print(f"\nThe page with the pictures: {page}")
    return 0


def read_digits(classify: ImageClassification, digits: LabelledImages, out: Path) -> Section:
    """Read handwritten digits that the preset never saw; draw the first, and all mistakes."""
    measured = classify.evaluate(digits)
    draw_sheet(classify, digits, out / "digits.png")
    measured.save_mistakes(out / "mistakes.png", most=24)
    measured.save_confusion(out / "confusion.png")
    return Section(
        "Handwriting that it was never trained on",
        f"The default preset, {classify.preset}, learned from MNIST. These are scikit-learn's "
        f"digits: other writers, 8 by 8 pixels. Of {measured.count:,} it reads "
        f"{measured.accuracy:.1%} right. Each is prepared as MNIST was: found on its ground, "
        "scaled to 20 pixels, its centre of mass put in the middle of 28 by 28.",
        ("figure", "value"),
        (
            ("pictures", f"{measured.count:,}"),
            ("right", f"{measured.accuracy:.2%}"),
            ("right within the best five", f"{measured.top5_accuracy:.2%}"),
            ("calibration error", f"{measured.ece:.4f}"),
        ),
        (
            ("digits.png", f"The first {min(SHOWN, measured.count)}, with label and score; "
             "what is wrong is red."),
            ("mistakes.png", "The most confident mistakes: true label over what was read."),
            ("confusion.png", "True labels down, what was read across."),
        ),
    )  # fmt: skip


def compare_presets(_: ImageClassification, digits: LabelledImages, __: Path) -> Section:
    """Read the same digits with every preset that reads digits."""
    from pipelines.classification.pipeline import ImageClassification
    from pipelines.presets import list_presets, load_preset

    rows = []
    for name in list_presets("image-classification"):
        preset = load_preset(name)
        own = preset.metadata["metrics"][0]
        row = [name, f"{preset.metadata['parameters']:,}", f"{own['value']:.2%} of {own['data']}"]
        if preset.labels == digits.classes:
            classify = ImageClassification.from_preset(name)
            classify.evaluate(digits.take(8))  # traces the graph
            start = time.perf_counter()
            accuracy = classify.evaluate(digits).accuracy
            seconds = time.perf_counter() - start
            row += [f"{accuracy:.2%}", f"{len(digits) / seconds:,.0f} a second"]
        else:
            row += ["knows other things", ""]
        rows.append(row)
    return Section(
        "Every preset that classifies",
        "The second figure is from the preset's card, with the command that prints it; the third "
        "and the speed, from pixels to figures, were measured now.",
        ("preset", "parameters", "its own test set", "these digits", "speed"),
        rows,
    )


def read_any_file(classify: ImageClassification, digits: LabelledImages, out: Path) -> Section:
    """Read one digit from every kind of file, and from some that are none."""
    import numpy as np

    folder = out / "files"
    folder.mkdir(exist_ok=True)
    write_files(np.asarray(digits.images[3]), folder)
    results = classify(folder, on_error="return")
    files = sorted(folder.iterdir())
    broken = [file for file in files if file.suffix == ".txt"]
    rows = [
        (Path(result.source).name, result.label, f"{result.score:.1%}")
        if result.ok
        else (Path(result.source).name, "refused", result.error.removeprefix(f"{result.source}: "))
        for result in results
    ]
    rows += [(file.name, "left out", "a folder is searched for pictures") for file in broken]
    draw_seen(classify, folder / "phone.jpg", out / "phone_seen.png")
    return Section(
        "One folder, every kind of file, one call",
        "The same 3 as ink on paper: grey, colour, palette, 16 bits, CMYK, transparent, turned by "
        "its EXIF tag. A file that cannot be read says why and harms no other.",
        ("file", "label", "score, or what is wrong"),
        rows,
        (
            ("files/phone.jpg", "phone.jpg, turned upright by its EXIF tag"),
            ("phone_seen.png", "What the network saw of it: 28 by 28 pixels"),
        ),
    )


def look_at_photographs(
    classify: ImageClassification, _: LabelledImages, out: Path
) -> Section:  # fmt: skip
    """Show what a reader of digits makes of photographs, honestly."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    bunch = load_sample_images()
    rows, pictures = [], []
    for name, pixels in zip(("china", "flower"), bunch.images, strict=True):
        Image.fromarray(pixels).save(out / f"{name}.jpg", quality=85)
        draw_seen(classify, out / f"{name}.jpg", out / f"{name}_seen.png")
        result = classify(out / f"{name}.jpg")
        rows.append((f"{name}.jpg", result.label, f"{result.score:.1%}"))
        pictures += [
            (f"{name}.jpg", "The photograph"),
            (f"{name}_seen.png", "What the network saw of it"),
        ]
    return Section(
        "What it is not for",
        "A network that knows ten digits answers with a digit, whatever it is shown: a score tells "
        "how it chooses among the ten, not whether there is a digit at all.",
        ("photograph", "label", "score"),
        rows,
        pictures,
    )


def say_digits(_: ImageClassification, __: LabelledImages, out: Path) -> Section:
    """Let the default generator say digits, one in each voice, with the first seeds."""
    from pipelines import pipeline

    say = pipeline("audio-generation")
    voices = say.labels["speaker"]
    words = say.labels["label"][: len(voices)]
    rows, pictures, sounds = [], [], []
    for seed, result in enumerate(say(label=list(words), speaker=list(voices), seed=0)):
        word, voice = result.labels["label"], result.labels["speaker"]
        name = f"{word}_{voice}_{seed}"
        result.save(out / f"{name}.wav")
        result.picture().save(out / f"{name}.png")
        rows.append((word, voice, f"seed {seed}", f"{result.timing_ms:,.0f} ms"))
        pictures.append((f"{name}.png", f"{word}, {voice}: a second, 0 to 4,000 Hz"))
        sounds.append((f"{name}.wav", f"{word}, {voice}"))
    return Section(
        "A voice, sample by sample",
        f"The preset {say.preset}, a WaveNet, says digits in the voices that it learned. The same "
        "word and seed give the same sound again. The first clip also waits for the compiler.",
        ("word", "voice", "seed", "a second took"),
        rows,
        pictures,
        sounds,
    )


def serve(classify: ImageClassification, digits: LabelledImages, out: Path) -> Section:
    """Export a SavedModel, load it without the network's code, and compare."""
    from pipelines import load_exported

    folder = classify.export(out / "served", overwrite=True)
    served = load_exported(folder)
    some = list(digits.images[:200])
    pairs = list(zip(classify(some), served(some), strict=True))
    same = sum(ours.label == theirs.label for ours, theirs in pairs)
    apart = max(abs(ours.score - theirs.score) for ours, theirs in pairs)
    megabytes = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
    return Section(
        "Ready to serve",
        "The SavedModel takes encoded image bytes and does everything inside; it needs TensorFlow "
        "alone, and lies in the layout of TensorFlow Serving.",
        ("figure", "value"),
        (
            ("folder", f"{folder.name}/1"),
            ("size", f"{megabytes:.1f} MB"),
            ("same label as the pipeline", f"{same} of {len(pairs)}"),
            ("largest difference of a score", f"{apart:.1e}"),
        ),
    )


def draw_seen(classify: ImageClassification, file: Path, path: Path) -> None:
    """Draw what the network sees of a file, large enough for people."""
    from PIL import Image

    seen = Image.fromarray(classify.prepared(file).squeeze())
    seen.resize((SEEN_PX, SEEN_PX), Image.Resampling.NEAREST).save(path)


def draw_sheet(classify: ImageClassification, digits: LabelledImages, path: Path) -> None:
    """Draw digits over their labels and scores."""
    from PIL import Image, ImageDraw, ImageFont

    images, labels = digits.images[:SHOWN], digits.labels[:SHOWN]
    rows = -(-len(images) // COLUMNS)
    size = (COLUMNS * (CELL_PX + 12) + 12, rows * (CELL_PX + CAPTION_PX + 12) + 12)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, (pixels, true) in enumerate(zip(images, labels, strict=True)):
        x = 12 + place % COLUMNS * (CELL_PX + 12)
        y = 12 + place // COLUMNS * (CELL_PX + CAPTION_PX + 12)
        result = classify(pixels)
        digit = Image.fromarray(255 - pixels).resize((CELL_PX, CELL_PX), Image.Resampling.BICUBIC)
        sheet.paste(digit, (x, y))
        draw.rectangle((x - 1, y - 1, x + CELL_PX, y + CELL_PX), outline="#dfe4e2")
        colour = INK if result.label == digits.classes[true] else WRONG
        draw.text((x + 2, y + CELL_PX + 2), f"{result.label}", fill=colour, font=font)
        score = f"{result.score:.0%}"
        width = draw.textlength(score, font=font)
        draw.text((x + CELL_PX - width, y + CELL_PX + 2), score, fill=colour, font=font)
    sheet.save(path)


def write_files(digit: np.ndarray, folder: Path) -> None:
    """Write a digit as dark ink on light paper in many formats, and some files that are broken."""
    import numpy as np
    from PIL import Image

    ink = Image.fromarray(digit).resize((240, 240), Image.Resampling.BICUBIC)
    paper = Image.eval(ink, lambda level: 240 - round(level * 0.8))
    page = Image.new("L", (400, 320), 240)
    page.paste(paper, (90, 40))
    page.save(folder / "grey.png")
    page.convert("RGB").save(folder / "colour.jpg", quality=90)
    page.convert("P").save(folder / "palette.gif")
    page.convert("CMYK").save(folder / "cmyk.jpg", quality=90)
    page.convert("RGB").save(folder / "colour.webp", quality=80)
    page.save(folder / "scan.tif")
    deep = np.asarray(page).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "16-bit.png")
    clear = Image.new("LA", ink.size, 0)
    clear.putalpha(ink)
    clear.save(folder / "transparent.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me by 90 degrees", as a phone writes it
    turned = page.convert("RGB").transpose(Image.Transpose.ROTATE_90)
    turned.save(folder / "phone.jpg", exif=exif, quality=90)
    whole = (folder / "colour.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "letter.jpg").write_text("This is a letter, not a picture.\n")
    (folder / "notes.txt").write_text("Notes.\n")


if __name__ == "__main__":
    sys.exit(main())
