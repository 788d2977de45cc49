"""What a pipeline returns: frozen dataclasses with labels or pictures, timing and their source."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from pipelines.picture import Picture

BAR_WIDTH = 24  # characters of a full bar in `show`: label, bar and score fit 80 columns


@dataclass(frozen=True, kw_only=True)
class Result:
    """One item's outcome.

    Attributes:
        source: The path, URL, or kind of the input.
        preset: The preset that produced it.
        timing_ms: This item's share of its batch's time from pixels to the result, without reading.
        seed: The seed of a random result; None where nothing is random.
    """

    source: str
    preset: str
    timing_ms: float
    seed: int | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a result, rather than an error."""
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            "ok": self.ok,
            "source": self.source,
            "preset": self.preset,
            "timing_ms": round(self.timing_ms, 3),
            "seed": self.seed,
        }

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON, in ASCII: a file name may hold any byte."""
        return json.dumps(self.to_dict())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result as JSON and return the path."""
        path = Path(path)
        if path.suffix.lower() != ".json":
            raise ValueError(f"a {type(self).__name__} is saved as .json; got {str(path)!r}")
        path.write_text(json.dumps(self.to_dict(), indent=2) + "\n", "utf-8")
        return path

    def show(self) -> None:
        """Print the result for people."""
        print(self)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A label, its probability in [0, 1], and its index among the preset's labels."""

    label: str
    score: float
    index: int


@dataclass(frozen=True, slots=True)
class SampledPrediction(Prediction):
    """A prediction with the standard deviation of its probability over the samples."""

    spread: float


@dataclass(frozen=True, kw_only=True)
class ClassificationResult(Result):
    """The most probable labels of one picture, best first.

    Attributes:
        indices: (K,) int, best first.
        scores: (K,) float in [0, 1].
        labels: All labels of the preset.
    """

    indices: np.ndarray = field(repr=False, compare=False)
    scores: np.ndarray = field(repr=False, compare=False)
    labels: Sequence[str] = field(repr=False, compare=False)

    @cached_property
    def predictions(self) -> tuple[Prediction, ...]:
        """The K best labels, best first."""
        pairs = zip(self.indices.tolist(), self.scores.tolist(), strict=True)
        return tuple(Prediction(self.labels[index], score, index) for index, score in pairs)

    @property
    def label(self) -> str:
        """The most probable label."""
        return self.predictions[0].label

    @property
    def score(self) -> float:
        """The most probable label's probability, in [0, 1]."""
        return self.predictions[0].score

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            **super().to_dict(),
            "label": self.label,
            "score": self.score,
            "predictions": [asdict(prediction) for prediction in self.predictions],
        }

    def __str__(self) -> str:
        """Return the source and a bar a label."""
        width = max(len(prediction.label) for prediction in self.predictions)
        lines = [self.source]
        for guess in self.predictions:
            bar = "█" * round(guess.score * BAR_WIDTH)
            lines.append(f"  {guess.label:<{width}}  {_share(guess)}  {bar}".rstrip())
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class SampledResult(ClassificationResult):
    """The mean over many samples of a network with random layers, and how far they agree.

    Attributes:
        spreads: (K,) standard deviations of the K best labels' probabilities over the samples.
        entropy: Of the mean probabilities, in nats: 0 for certainty, log(classes) for none.
        mutual_information: The part of the entropy, in nats, that the samples' disagreement makes.
        samples: How many there were.
    """

    spreads: np.ndarray = field(repr=False, compare=False)
    entropy: float
    mutual_information: float
    samples: int

    @cached_property
    def predictions(self) -> tuple[SampledPrediction, ...]:
        """The K best labels, best first."""
        rows = (self.indices.tolist(), self.scores.tolist(), self.spreads.tolist())
        return tuple(
            SampledPrediction(self.labels[index], score, index, spread)
            for index, score, spread in zip(*rows, strict=True)
        )

    @property
    def spread(self) -> float:
        """The standard deviation of the most probable label's probability."""
        return self.predictions[0].spread

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            **super().to_dict(),
            "spread": self.spread,
            "entropy": self.entropy,
            "mutual_information": self.mutual_information,
            "mc_samples": self.samples,
        }


def _share(guess: Prediction) -> str:
    spread = f" ±{guess.spread:6.2%}" if isinstance(guess, SampledPrediction) else ""
    return f"{guess.score:7.2%}{spread}"


@dataclass(frozen=True, kw_only=True)
class PictureResult(Result):
    """A picture that was made of another.

    Attributes:
        pixels: (H, W, 3) RGB, or (H, W, 1) where the original is grey; uint8, or uint16 where the
            original has 16 bits.
        alpha: (H, W) of the same type, 0 where transparent; None without transparency.
        original: The picture before, with its colour profile and EXIF.
    """

    pixels: np.ndarray = field(repr=False, compare=False)
    alpha: np.ndarray | None = field(default=None, repr=False, compare=False)
    original: Picture = field(repr=False, compare=False)

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @cached_property
    def image(self) -> Image.Image:
        """The picture as a PIL image: RGB, RGBA, L or LA; I;16 for 16-bit grey without alpha.

        Pillow has no other 16-bit pictures, so the rest of those have 8 bits here. `save` and
        `pixels` keep them.
        """
        import numpy as np
        from PIL import Image

        from pipelines.picture import to_depth

        layers = self.pixels if self.alpha is None else np.dstack((self.pixels, self.alpha))
        kept = layers if layers.shape[2] == 1 else to_depth(layers, 8)
        return Image.fromarray(kept[:, :, 0] if kept.shape[2] == 1 else kept)

    def save(self, path: str | os.PathLike[str], *, quality: int = 95) -> Path:
        """Write the picture, whole or not at all, and return the path.

        Colour profile and EXIF of the original are carried over. 16 bits stay 16 in PNG and TIFF.

        Args:
            path: Its ending chooses the format: .jpg .jpeg .png .webp .tif .tiff.
            quality: 1 to 100, of JPEG and WebP; 100 writes WebP without loss.

        Raises:
            ImageError: The format cannot hold it: no transparency in JPEG, 16,383 pixels a side in
                WebP, 65,500 in JPEG.
            MissingImageError: There is no such folder.
        """
        from pipelines.image_encoding import write_image

        return write_image(path, self.pixels, like=self.original, alpha=self.alpha, quality=quality)

    def show(self) -> None:
        """Show the picture in a window, by the system's viewer."""
        self.image.show()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold: the sizes, not the pixels."""
        height, width = self.size_px
        return {
            **super().to_dict(),
            "width_px": width,
            "height_px": height,
            "bit_depth": self.pixels.itemsize * 8,
            "grey": self.pixels.shape[2] == 1,
            "transparent": self.alpha is not None,
        }


@dataclass(frozen=True, kw_only=True)
class UpscaledImage(PictureResult):
    """A picture, enlarged.

    Attributes:
        scale: How many times, along each side.
    """

    scale: int

    def compare(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        area: tuple[int, int, int, int] | None = None,
    ) -> Image.Image:
        """Return the picture at the right of what bicubic interpolation makes of the original.

        Args:
            path: Where to write that, too; as for `save`.
            area: (left, top, width, height) in pixels of the original; all of it when None.

        Raises:
            ValueError: The area does not lie within the original.
        """
        from pipelines.comparison import beside_bicubic

        return beside_bicubic(self, path, area)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold: the sizes, not the pixels."""
        return {**super().to_dict(), "scale": self.scale}

    def __str__(self) -> str:
        """Return the source, and its size before and after."""
        sizes = (f"{width} x {height}" for height, width in (self.original.size_px, self.size_px))
        return f"{self.source}: {' to '.join(sizes)} pixels"


@dataclass(frozen=True, kw_only=True)
class FailedResult(Result):
    """An item that could not be read or worked on; the rest of its batch is unharmed.

    Attributes:
        error: What was wrong and what helps.
        error_type: The exception's name.
    """

    error: str
    error_type: str

    @property
    def ok(self) -> bool:
        """Always False."""
        return False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {**super().to_dict(), "error": self.error, "error_type": self.error_type}

    def __str__(self) -> str:
        """Return the source and the error; most errors begin with the source already."""
        named = self.error.startswith(self.source)
        return self.error if named else f"{self.source}: {self.error}"
