"""How the shipped upscalers were trained, as data; `training` trains so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import Schedule

LICENCE = "not stated for T91; BSDS for research"


@dataclass(frozen=True, kw_only=True)
class Adversary:
    """What SRGAN adds to a training, see `adversarial`.

    Attributes:
        content: What sees content: a preset of a classifier, or one of VGG-19's sights.
        layer: Of the preset's network, whose maps are compared.
        content_scale: What the maps are multiplied by.
        pixel_weight: Of the pixels' absolute differences in the loss.
        content_weight: Of the maps' squared differences.
        adversarial_weight: Of the judge's verdict.
        judge_widths: Maps of the judge's stages.
        judge_units: Of its fully connected layer.
        judge_rate: Its learning rate, of Adam.
    """

    content: str
    layer: str = ""
    content_scale: float = 1.0
    pixel_weight: float
    content_weight: float = 1.0
    adversarial_weight: float
    judge_widths: tuple[int, ...]
    judge_units: int
    judge_rate: float = 1e-4


@dataclass(frozen=True, kw_only=True)
class UpscalerRecipe:
    """One training of an upscaler: which network on which pictures, how, and what to expect.

    Attributes:
        title: One line for people.
        model: The network's name in the catalog; it trains in its expanded form.
        scale: How many times larger, along each side.
        colour: What the network maps.
        data: Named sets, see `pipelines.super_resolution.data`, or folders of pictures.
        held_out: How many of the last set's last pictures are measured on, never trained on.
        factors: Sizes in which each picture is learned from; made smaller, it loses the traces of
            its JPEG compression.
        side_px: Of a small patch.
        steps: Batches an epoch.
        plan: How long and how fast.
        start: A shipped preset whose weights are begun with; empty for random ones.
        adversary: What the network learns against; None where pixels alone count.
        expected: The figures to expect, and the cost.
        licence: What the data's authors state.
    """

    title: str
    model: str
    scale: int
    colour: Literal["luma", "rgb"] = "luma"
    data: tuple[str, ...] = ("t91", "bsds400")
    held_out: int = 20
    factors: tuple[float, ...] = (1.0, 0.7)
    side_px: int = 40
    steps: int = 250
    plan: TrainingPlan
    start: str = ""
    adversary: Adversary | None = None
    expected: str
    licence: str = LICENCE


# Of the absolute differences. Muon moves all weights but the biases. Of the plans that were tried
# on luma, for 600 steps of 16 patches of 32 px, it gave 29.41 dB on the held-out pictures at a rate
# of 5e-3 (bicubic: 27.62); Adam gave 29.07; and with the plain form in place of the expanded one,
# Muon gave 29.34 and Adam 28.66.
PLAN = TrainingPlan(
    epochs=80,
    batch_size=16,
    peak_rate=5e-3,
    optimizer="muon",
    weight_decay=0.0,
    average=0.999,
    schedule=Schedule(kind="cosine", warm_up=0.02),
    precision="mixed_bfloat16",
)
X2 = UpscalerRecipe(
    title="Twice as large: 10 plain convolutions on luma, 78,020 parameters",
    model="sesr_c32",
    scale=2,
    plan=PLAN,
    expected="37.49 dB on Set5 and 33.02 dB on Set14; 53 minutes on a busy core",
)
RGB_X2 = replace(
    X2,
    title="Twice as large: 10 plain convolutions on red, green and blue",
    colour="rgb",
    plan=replace(PLAN, epochs=24),
    expected="37.44 dB on Set5 and 32.96 dB on Set14; 18 minutes on a busy core",
)
RGB_X4 = replace(
    RGB_X2,
    title="Four times as large: 10 plain convolutions on red, green and blue",
    scale=4,
    start="sesr_c32_rgb_x2",
    plan=replace(PLAN, epochs=12, peak_rate=2.5e-3),
    expected="31.21 dB on Set5 and 27.95 dB on Set14; 11 minutes on a busy core",
)

RECIPES: Mapping[str, UpscalerRecipe] = MappingProxyType(
    {
        "sesr_c32_x2": X2,
        "sesr_c32_x3": replace(
            X2,
            title="Three times as large: 10 plain convolutions on luma, 82,025 parameters",
            scale=3,
            start="sesr_c32_x2",
            plan=replace(PLAN, epochs=32, peak_rate=2.5e-3),
            expected="33.60 dB on Set5 and 29.73 dB on Set14; 21 minutes on a busy core",
        ),
        "sesr_c32_x4": replace(
            X2,
            title="Four times as large: 10 plain convolutions on luma, 87,632 parameters",
            scale=4,
            start="sesr_c32_x2",
            plan=replace(PLAN, epochs=32, peak_rate=2.5e-3),
            expected="31.34 dB on Set5 and 27.97 dB on Set14; 22 minutes on a busy core",
        ),
        "sesr_c32_rgb_x2": RGB_X2,
        "sesr_c32_rgb_x4": RGB_X4,
        "sesr_c32_gan_x4": replace(
            RGB_X4,
            title="Four times as large, sharp where it must guess: as SRGAN trains",
            start="sesr_c32_rgb_x4",
            side_px=24,
            plan=replace(PLAN, epochs=12, optimizer="adam", peak_rate=2e-4),
            adversary=Adversary(
                content="resnet20_cifar10",
                layer="stage2_block3",
                content_scale=0.1,  # as the pixels' part, it is then some hundredths
                pixel_weight=0.1,
                adversarial_weight=3e-3,
                judge_widths=(16, 32, 64, 128),
                judge_units=128,
            ),
            expected="Sharper than `sesr_c32_rgb_x4` where both must guess, and less exact: 29.77 "
            "dB on Set5 and 26.92 dB on Set14, 1.4 and 1.0 less. The detail it adds is invented, "
            "and the traces of JPEG are sharpened with the rest. Content is what ResNet-20 of "
            "CIFAR-10 sees, in place of VGG-19; 26 minutes on a busy core",
        ),
    }
)
