"""How the shipped upscalers were trained, as data; `training` trains so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from models.words import suggest
from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import Schedule

LICENCE = "not stated for T91; BSDS for research"


@dataclass(frozen=True, kw_only=True)
class UpscalerRecipe:
    """One training of an upscaler: which network on which pictures, how, and what to expect.

    Attributes:
        title: One line for people.
        model: The network's name in the catalog; it trains in its expanded form.
        scale: How many times larger, along each side.
        data: Named sets, see `pipelines.super_resolution.data`, or folders of pictures.
        held_out: How many of the last set's last pictures are measured on, never trained on.
        factors: Sizes in which each picture is learned from; made smaller, it loses the traces of
            its JPEG compression.
        side_px: Of a small patch.
        steps: Batches an epoch.
        plan: How long and how fast.
        start: A shipped preset whose weights are begun with; empty for random ones.
        expected: The figures to expect, and the cost.
        licence: What the data's authors state.
    """

    title: str
    model: str
    scale: int
    data: tuple[str, ...] = ("t91", "bsds400")
    held_out: int = 20
    factors: tuple[float, ...] = (1.0, 0.7)
    side_px: int = 40
    steps: int = 250
    plan: TrainingPlan
    start: str = ""
    expected: str
    licence: str = LICENCE


# Of the absolute differences of luma. Muon moves all weights but the biases: of the plans that were
# tried for 600 steps of 16 patches of 32 px, on the held-out pictures (bicubic: 27.62 dB), it gave
# 29.41 dB at a rate of 5e-3; Adam gave 29.07; and with the plain form in place of the expanded one,
# Muon gave 29.34 and Adam 28.66.
LUMA_PLAN = TrainingPlan(
    epochs=40,
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
    plan=LUMA_PLAN,
    expected="37.49 dB on Set5 and 32.97 dB on Set14; 50 minutes on a busy core",
)

RECIPES: Mapping[str, UpscalerRecipe] = MappingProxyType(
    {
        "sesr_c32_x2": X2,
        "sesr_c32_x3": replace(
            X2,
            title="Three times as large: 10 plain convolutions on luma, 82,025 parameters",
            scale=3,
            start="sesr_c32_x2",
            plan=replace(LUMA_PLAN, epochs=12, peak_rate=2.5e-3),
            expected="33.52 dB on Set5 and 29.69 dB on Set14; 9 minutes on a busy core",
        ),
        "sesr_c32_x4": replace(
            X2,
            title="Four times as large: 10 plain convolutions on luma, 87,632 parameters",
            scale=4,
            start="sesr_c32_x2",
            plan=replace(LUMA_PLAN, epochs=12, peak_rate=2.5e-3),
            expected="31.18 dB on Set5 and 27.91 dB on Set14; 8 minutes on a busy core",
        ),
    }
)


def recipe(name: str) -> UpscalerRecipe:
    """Return the recipe of that name.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}; {suggest(name, RECIPES)}")
    return RECIPES[name]
