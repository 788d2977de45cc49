"""What the pipeline of inpainting returns: pictures whose holes are filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.results import PictureResult


@dataclass(frozen=True, kw_only=True)
class InpaintedImage(PictureResult):
    """A picture whose holes are filled; outside them it is the original, to the bit.

    Attributes:
        method: What filled them: "network", or a classical method; "none" where there was nothing
            to fill.
        share: What part of the picture was filled, wholly or softly: 0 to 1.
        warning: What somebody should know of it; empty where all is well.
    """

    method: str
    share: float
    warning: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold: the sizes, not the pixels."""
        return {
            **super().to_dict(),
            "method": self.method,
            "share": round(self.share, 6),
            "warning": self.warning,
        }

    def __str__(self) -> str:
        """Return the source, how much was filled, and by what."""
        return f"{self.source}: {self.share:.1%} filled by {self.method}"
