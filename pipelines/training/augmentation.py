"""Random changes to training pictures, a whole batch in one graph, reproducible by seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from pipelines.training import colour_changes, geometry
from pipelines.training.addons import AddonsChanges
from pipelines.training.colour_changes import IMAGENET_AXES, Axes
from pipelines.training.draws import Draws, Rows
from pipelines.training.mixing import mix_pairs
from pipelines.training.rand_augment import STRONGEST, rand_augment

_LIMITS = (
    *("rotation_deg", "log_scale", "shear", "shift_px", "crop_px", "cutout_px"),
    *("brightness", "contrast", "saturation", "hue", "lighting"),
    *("noise", "multiplicative_noise", "mixup", "cutmix"),
)
_COLOURED = ("saturation", "hue", "lighting")  # what grey pictures cannot be given


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far each picture may be changed; every change is uniform within plus or minus its limit.

    The changes happen in the order of the attributes, cutout last. What is off costs nothing.

    Attributes:
        rotation_deg: Rotation about the centre.
        log_scale: Logarithm of the magnification, along each axis on its own.
        shear: Horizontal shear, as a tangent.
        shift_px: Translation along each axis.
        mirror: Swap left and right in half of the pictures; `"alternate"`: of each picture in every
            second epoch, beginning at random (arXiv:2404.00498, section 3.6).
        crop_px: Whole pixels by which the picture is moved along each axis, its border reflected.
        cutout_px: Side of a square set to black, anywhere; 0 for none.
        resized_crop: Least and greatest part of the picture's area that is cut and enlarged to the
            whole, before anything else; (0.08, 1) in arXiv:1409.4842, section 6.
        resized_crop_aspect: Least and greatest width over height of that part.
        rand_augment: N and M of RandAugment (arXiv:1909.13719), M from 0 to 10.
        brightness: Added to all pixels.
        contrast: How far the factor may be from 1 by which pixels differ from the mean grey.
        saturation: The same for the difference from each pixel's own grey.
        hue: Turn of the colour circle, 0.5 at most.
        lighting: Standard deviation of the shifts along `lighting_axes`; 0.1 in AlexNet's paper,
            section 4.1.
        lighting_axes: (R, G, B) shifts of deviation 1: ImageNet's, or what
            `pipelines.standardisation.colour_axes` measures.
        noise: Standard deviation of Gaussian noise that is added.
        multiplicative_noise: Standard deviation of Gaussian factors about 1.
        addons: Changes by tensorflow-addons, which the extra `addons` installs.
        mixup: Parameter of mixup's Beta distribution (arXiv:1710.09412), 0 for none.
        cutmix: Parameter of CutMix's (arXiv:1905.04899), 1 in the paper, 0 for none.
    """

    rotation_deg: float = 0.0
    log_scale: float = 0.0
    shear: float = 0.0
    shift_px: float = 0.0
    mirror: bool | Literal["alternate"] = False
    crop_px: int = 0
    cutout_px: int = 0
    resized_crop: tuple[float, float] | None = None
    resized_crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    rand_augment: tuple[int, float] | None = None
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    lighting: float = 0.0
    lighting_axes: Axes = IMAGENET_AXES
    noise: float = 0.0
    multiplicative_noise: float = 0.0
    addons: AddonsChanges | None = None
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in _LIMITS:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more; got {getattr(self, name)}")
        if self.hue > 0.5:
            raise ValueError(f"hue must be at most 0.5, half the circle; got {self.hue}")
        if self.resized_crop and not 0 < self.resized_crop[0] <= self.resized_crop[1] <= 1:
            raise ValueError(f"resized_crop must be parts, 0 to 1, rising; got {self.resized_crop}")
        if not 0 < self.resized_crop_aspect[0] <= self.resized_crop_aspect[1]:
            raise ValueError(
                f"resized_crop_aspect must be above 0 and rise; got {self.resized_crop_aspect}"
            )
        if self.rand_augment:
            layers, magnitude = self.rand_augment
            if layers < 1 or not 0 <= magnitude <= STRONGEST:
                raise ValueError(
                    f"rand_augment must be N of at least 1 and M of 0 to {STRONGEST:.0f}; got "
                    f"{self.rand_augment}"
                )

    def __call__(
        self,
        pixels: tf.Tensor,
        seed: tf.Tensor,
        *,
        swapped: tf.Tensor | None = None,
        rows: Rows | None = None,
    ) -> tf.Tensor:
        """Return changed pictures.

        Args:
            pixels: (N, H, W, C) float in [0, 1]; the outside of a picture counts as 0.
            seed: (2,) int; the same pixels with the same seed give the same result.
            swapped: (N,) bool: which pictures to mirror, where `mirror` is "alternate".
            rows: Where these pictures begin in a batch that is divided among processes, and how
                many it has in all: each then changes as in the whole batch.

        Raises:
            ValueError: Grey pictures cannot be changed so.
        """
        self._check_colours(pixels)
        draws = Draws(seed, tf.shape(pixels)[0], rows)
        pixels = self._changed_place(pixels, draws, swapped)
        if self.rand_augment:
            pixels = rand_augment(pixels, draws, *self.rand_augment)
        pixels = self._changed_colours(pixels, draws)
        if self.addons is not None:
            pixels = self.addons(pixels, draws)
        return geometry.cut_out(pixels, draws, self.cutout_px) if self.cutout_px else pixels

    def mix(
        self,
        pixels: tf.Tensor,
        targets: tf.Tensor,
        seed: tf.Tensor,
        *,
        rows: Rows | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return pictures and labels mixed in pairs by mixup and CutMix, if they are on.

        Args:
            pixels: (N, H, W, C) float.
            targets: (N, classes) float, one-hot.
            seed: As in the call.
            rows: As in the call; an even share of the batch, beginning at an even row.

        Raises:
            ValueError: The share is odd.
        """
        if not (self.mixup or self.cutmix):
            return pixels, targets
        draws = Draws(seed, tf.shape(pixels)[0], rows)
        return mix_pairs(pixels, targets, draws, mixup=self.mixup, cutmix=self.cutmix)

    def _changed_place(
        self, pixels: tf.Tensor, draws: Draws, swapped: tf.Tensor | None
    ) -> tf.Tensor:
        if self.resized_crop:
            pixels = geometry.resized_crop(
                pixels, draws, self.resized_crop, self.resized_crop_aspect
            )
        random_mirror = self.mirror is True
        if self.rotation_deg or self.log_scale or self.shear or self.shift_px or random_mirror:
            pixels = geometry.warp(
                pixels,
                draws,
                rotation_deg=self.rotation_deg,
                log_scale=self.log_scale,
                shear=self.shear,
                shift_px=self.shift_px,
                mirror=random_mirror,
            )
        if self.mirror == "alternate" and swapped is not None:
            pixels = tf.where(swapped[:, None, None, None], pixels[:, :, ::-1], pixels)
        return geometry.crop(pixels, draws, self.crop_px) if self.crop_px else pixels

    def _changed_colours(self, pixels: tf.Tensor, draws: Draws) -> tf.Tensor:
        if self.brightness or self.contrast or self.saturation or self.hue:
            pixels = colour_changes.change_colours(
                pixels,
                draws,
                brightness=self.brightness,
                contrast=self.contrast,
                saturation=self.saturation,
                hue=self.hue,
            )
        if self.lighting:
            pixels = colour_changes.light(pixels, draws, self.lighting, self.lighting_axes)
        if self.noise:
            pixels = colour_changes.add_noise(pixels, draws, self.noise)
        if self.multiplicative_noise:
            pixels = colour_changes.multiply_noise(pixels, draws, self.multiplicative_noise)
        return pixels

    def _check_colours(self, pixels: tf.Tensor) -> None:
        asked = [name for name in _COLOURED if getattr(self, name)]
        if asked and pixels.shape[-1] != 3:
            raise ValueError(
                f"{', '.join(asked)} must have pictures of 3 channels; got {pixels.shape[-1]}"
            )
