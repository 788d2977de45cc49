"""Fill holes in pictures: what their masks show in white.

INPUT is a file, a folder, a pattern in quotes, a URL, or - for a picture on standard input. Each
gives a file of its name in DIR, such as photo_inpainted.jpg. No input is ever overwritten, nor is
the file that another input gave. Outside the holes a picture is kept to the bit, in a file without
loss: --format png, or --quality 100 of WebP.

MASK is a picture, for all inputs, or a folder that holds a mask for each, of the same name: that of
cats/tom.jpg is tom.png or tom_mask.png, and where INPUT is a folder, of the same name below it. A
grey edge blends. --boxes says the same without a mask.

Examples:
  sightsound inpaint photo.jpg --mask mask.png --out filled
  sightsound inpaint photos/ --mask masks/ --out filled --format png
  sightsound inpaint photo.jpg --boxes 120,40,64,32 300,10,20,20 --out filled
  sightsound inpaint 'scans/*.tif' --mask scratch.png --method telea --out filled
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sightsound.arguments import UsageError, as_usage_error
from sightsound.console import complain, on_terminal
from sightsound.inputs import Source, expand
from sightsound.outputs import (
    Naming,
    add_writing_options,
    is_one_of,
    names_of,
    refuse_file,
    targets_of,
    write_results,
)
from sightsound.quiet import quiet_start

TASK = "inpainting"
FORMATS = ("jpg", "jpeg", "png", "webp", "tif", "tiff")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--mask", metavar="MASK", help="a picture, or a folder of masks")
    what.add_argument(
        "--boxes",
        nargs="+",
        type=_box,
        metavar="LEFT,TOP,WIDTH,HEIGHT",
        help="rectangles to fill, in pixels",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--method",
        default="auto",
        help="auto, network, first_fill, telea, ns or biharmonic (%(default)s)",
    )
    parser.add_argument(
        "--preset", help="a name from `sightsound presets`, a folder, or hf://owner/name"
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="of the files (each input's own where it can be, or png)"
    )
    parser.add_argument(
        "--quality",
        type=int,
        default=95,
        choices=range(1, 101),
        metavar="1...100",
        help="of JPEG and WebP (%(default)s)",
    )
    add_writing_options(parser, item="picture")


def run(options: argparse.Namespace) -> int:
    """Write the files and print a row a picture; return 1 when one failed."""
    refuse_file(options.out)
    inpaint = _open(options)
    with as_usage_error():
        sources, masks = _with_masks(options)
    naming = Naming("_inpainted", "picture", FORMATS, "png", options.format)
    targets = targets_of(sources, options.out, naming, overwrite=options.overwrite)
    for target in targets:
        if is_one_of(target, masks if isinstance(masks, list) else filter(None, [masks])):
            raise UsageError(f"{target} is a mask, and is not overwritten; choose another --out")
    options.out.mkdir(parents=True, exist_ok=True)
    results = inpaint.stream(
        sources,
        masks,
        boxes=options.boxes,
        on_error="raise" if options.on_error == "raise" else "return",
        progress=on_terminal(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # said by `_warned`, as all else is
        return write_results(
            _warned(results),
            targets,
            save=lambda result, target: result.save(target, quality=options.quality),
            header=("picture", "written", "method", "seconds"),
            names=names_of(sources),
            facts=lambda result: (result.method, f"{result.timing_ms / 1000:.2f}"),
            widest_fact="biharmonic",
            options=options,
        )


def _open(options: argparse.Namespace) -> Any:
    """Return the pipeline that the options name.

    Raises:
        UsageError: There is no such preset or method, or the preset is for something else.
    """
    from pipelines import load_preset, pipeline

    with as_usage_error(), quiet_start():
        if options.preset:
            load_preset(options.preset)  # refuses a wrong name before TensorFlow's seconds
        return pipeline(TASK, options.preset, method=options.method)


def _with_masks(options: argparse.Namespace) -> tuple[list[Source], list[Path] | str | None]:
    """Return the inputs with a mask for each, the one for all, or None where boxes tell.

    Raises:
        ValueError: A folder of masks cannot be listed, or has not one mask for a name.
    """
    from pipelines.inpainting.pairs import MaskFolder

    if options.mask is None or not os.path.isdir(options.mask):  # noqa: PTH112 - a hostile name
        return list(expand(options.inputs)), options.mask
    folder = MaskFolder(options.mask)
    sources: list[Source] = []
    masks = []
    for word in options.inputs:
        for source in expand([word]):
            sources.append(source)
            masks.append(folder.mask_of(*_place(source, word)))
    return sources, masks


def _place(source: Source, word: str) -> tuple[Path, Path]:
    """Return a picture's path, and the folder from which on its mask has the same name.

    Raises:
        UsageError: It has no name.
    """
    if isinstance(source, bytes):
        raise UsageError("a picture on standard input has no name; give it a --mask that is a file")
    text = os.fspath(source)
    path = Path(urlsplit(text).path if "://" in text else text)
    root = Path(word)
    return path, root if path != root and path.is_relative_to(root) else path.parent


def _warned(results: Iterable[Any]) -> Iterator[Any]:
    """Say what somebody should know of the results that came to be."""
    for result in results:
        if result.ok and result.warning:
            complain(f"{result.source}: {result.warning}")
        yield result


def _box(text: str) -> tuple[int, ...]:
    """Return left, top, width and height."""
    parts = text.split(",")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(
            f"must be LEFT,TOP,WIDTH,HEIGHT in whole pixels; got {text!r}"
        )
    return tuple(map(int, parts))
