"""What `make demo` shows of photographs: one enlarged, and one with scratches that go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sightsound.demo_page import Section

PIECE_PX = 160  # of a photograph, before it is enlarged
SCRATCHED_PX = 320


def enlarge(_: Any, __: Any, out: Path) -> Section:
    """Enlarge a piece of a photograph, with bicubic enlargement beside it."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    from pipelines import pipeline
    from pipelines.results import UpscaledImage

    piece = load_sample_images().images[1][120 : 120 + PIECE_PX, 240 : 240 + PIECE_PX]
    Image.fromarray(piece).save(out / "piece.png")
    rows, pictures = [], [("piece.png", "A piece of the photograph, as it is")]
    for scale in (2, 4):
        upscale = pipeline("super-resolution", scale=scale)
        upscale(piece)  # the first call of a size is compiled
        result: UpscaledImage = upscale(piece)
        result.compare().save(out / f"piece_x{scale}.png")
        rows.append((f"x{scale}", upscale.preset, f"{result.timing_ms:,.0f} ms"))
        pictures.append((f"piece_x{scale}.png", f"Bicubic, and {upscale.preset}"))
    return Section(
        "A photograph, larger",
        "Bicubic enlargement knows no photographs; a network that has seen many draws edges sharp.",
        ("scale", "preset", f"{PIECE_PX} x {PIECE_PX} pixels took"),
        rows,
        pictures,
    )


def remove_scratches(_: Any, __: Any, out: Path) -> Section:
    """Scratch a photograph, fill the scratches by every method, and compare with what was there."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    from pipelines import pipeline
    from pipelines.inpainting import classical
    from pipelines.inpainting.mask_sets import draw_mask
    from pipelines.inpainting.metrics import compare

    photograph = load_sample_images().images[0][60 : 60 + SCRATCHED_PX, 100 : 100 + SCRATCHED_PX]
    mask = draw_mask("strokes", SCRATCHED_PX, SCRATCHED_PX, 0)
    scratched = np.where(mask[..., None], np.uint8(255), photograph)
    Image.fromarray(scratched).save(out / "scratched.png")
    remove = pipeline("inpainting")
    rows, pictures = [], [("scratched.png", "Scratched")]
    methods = ["network", *(name for name in classical.METHODS if classical.is_installed(name))]
    for method in methods:
        remove(scratched, mask, method=method)  # the first call of a size is compiled
        result = remove(scratched, mask, method=method)
        holes, _ = compare(photograph, result.pixels, mask)
        rows.append((method, f"{holes.psnr:.2f} dB", f"{result.timing_ms:,.0f} ms"))
        if method == "network":
            result.save(out / "mended.png")
            pictures.append(("mended.png", f"Filled by {remove.preset}"))
    return Section(
        "Scratches that go",
        f"{mask.mean():.0%} of the pixels are lost, and filled from what lies around them. PSNR "
        "compares them alone with what was there.",
        ("method", "PSNR", "took"),
        rows,
        pictures,
    )
