"""What every row of a family's table states, whatever the family."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int | None, int | None, int]  # (H, W, C); None where any size will do
SCALES = (2, 3, 4)  # how many times larger, along each side, upscalers make an image


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One network as data; a family subclasses one of those below and adds what its builder needs.

    Attributes:
        title: One line for people: what the network is.
        paper: Where it was published (arXiv id or DOI).
        params: Trainable parameters at the default `input_shape`, and classes or scale.
        input_shape: Default (H, W, C) of an image, (T,) of a waveform.
        smallest_px: Smallest height and width at which every layer still has something to read.
    """

    title: str
    paper: str
    params: int
    input_shape: tuple[int, ...]
    smallest_px: int

    @property
    def default_shape(self) -> tuple[int | None, ...]:
        """For what input the network is built when nobody says."""
        return self.input_shape


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec(ModelSpec):
    """A network that tells what is in an image.

    Attributes:
        classes: Default number of classes.
    """

    input_shape: tuple[int, int, int]
    classes: int


@dataclass(frozen=True, kw_only=True)
class UpscalerSpec(ModelSpec):
    """A network that enlarges an image: (B, H, W, C) in [0, 1] to (B, scale H, scale W, C).

    It is built for any height and width. The default `input_shape` is the size at which costs are
    stated: at scale 2 each makes 512 x 512 pixels of it, so that they can be compared.

    Attributes:
        enlarged: Whether the network's input is enlarged already, by bicubic interpolation, and its
            output has the input's size; the network is then one and the same for all scales.
    """

    input_shape: tuple[int, int, int] = (256, 256, 1)
    smallest_px: int = 1
    enlarged: bool = False

    @property
    def channels(self) -> int:
        """1 for luma, 3 for RGB."""
        return self.input_shape[2]

    @property
    def default_shape(self) -> Shape:
        """Any height and width."""
        return (None, None, self.channels)


@dataclass(frozen=True, kw_only=True)
class InpainterSpec(ModelSpec):
    """A network that fills holes: {"image": (B, H, W, C), "mask": (B, H, W, 1)} to (B, H, W, C).

    The image is in [0, 1], the mask 1 where to fill. `input_shape` is the image's.

    Attributes:
        stride: Height and width must be multiples of it.
        fixed: Whether fully connected layers tie it to its one size.
    """

    input_shape: tuple[int, int, int] = (256, 256, 3)
    stride: int
    fixed: bool = False

    @property
    def default_shape(self) -> Shape:
        """Any height and width, where the network takes any."""
        return self.input_shape if self.fixed else (None, None, self.input_shape[2])


@dataclass(frozen=True, kw_only=True)
class WaveformSpec(ModelSpec):
    """A network that generates sound: levels (B, T) to logits (B, T, classes) of what follows.

    It is built for any length. The default `input_shape` is the length at which costs are stated:
    a second at 8 kHz.

    Attributes:
        classes: Levels that a sample can have.
    """

    input_shape: tuple[int, ...] = (8000,)
    smallest_px: int = 1
    classes: int

    @property
    def default_shape(self) -> tuple[int | None, ...]:
        """Any length."""
        return (None,)
