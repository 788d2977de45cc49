"""How the shipped inpainters were trained, as data; `training` trains so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import Schedule

LICENCE = "BSDS for research; not stated for ImageNet's photographs"


@dataclass(frozen=True, kw_only=True)
class InpainterRecipe:
    """One training of a network that fills holes: on which pictures, how, and what to expect.

    Attributes:
        title: One line for people.
        model: The network's name in the catalog.
        data: Named sets, see `pipelines.inpainting.data`, or folders of pictures. Every eighth
            picture of the first, by name, is measured on and never trained on.
        side_px: Of a crop.
        steps: Batches an epoch.
        loss: What is made small, see `pipelines.inpainting.losses`.
        plan: How long and how fast.
        start: A shipped preset whose weights are begun with; empty for random ones.
        expected: The figures to expect, and the cost.
        licence: What the data's authors state.
    """

    title: str
    model: str
    data: tuple[str, ...] = ("bsds400", "imagenet")
    side_px: int = 192
    steps: int = 250
    loss: Literal["decibels", "difference"] = "decibels"
    plan: TrainingPlan
    start: str = ""
    expected: str
    licence: str = LICENCE


@dataclass(frozen=True, kw_only=True)
class MiddleRecipe(InpainterRecipe):
    """One training of a context encoder, see `pipelines.inpainting.middles`.

    Attributes:
        short_px: To what shorter side pictures are made smaller; at least a crop's.
        l2_weight: Of the squared differences.
        adversarial_weight: Of the judge's verdict; 0 where there is no judge.
        judge_widths: Maps of the judge.
        judge_rate: Its learning rate, a tenth of the network's.
    """

    side_px: int = 128
    short_px: int = 160
    l2_weight: float = 1.0
    adversarial_weight: float = 0.0
    judge_widths: tuple[int, ...] = (64, 128, 256, 512)
    judge_rate: float = 2e-4


# The paper's rate. Its Adam has a first momentum of 0.5, ours 0.9; the rate falls and weights are
# averaged here, for the sake of short trainings.
L2 = MiddleRecipe(
    title="Context encoder, as published: squared differences alone",
    model="context_encoder",
    plan=TrainingPlan(
        epochs=3,
        batch_size=16,
        peak_rate=2e-3,
        optimizer="adam",
        weight_decay=0.0,
        average=0.99,
        schedule=Schedule(kind="cosine", warm_up=0.05),
        precision="mixed_bfloat16",
    ),
    expected="The paper's comparison: blurred middles, 15.8 dB of 50 held-out ones; 22 minutes on "
    "a core",
)

RECIPES: Mapping[str, InpainterRecipe] = MappingProxyType(
    {
        "inpaint_gated": InpainterRecipe(
            title="Fills holes of any form: a gated U-Net of 2.4 million parameters",
            model="gated_unet",
            side_px=160,
            plan=TrainingPlan(
                epochs=12,
                batch_size=8,
                peak_rate=5e-4,  # Muon at 3e-3 diverged, before there were directed fills
                optimizer="adam",
                weight_decay=0.0,
                average=0.998,
                schedule=Schedule(kind="cosine", warm_up=0.02),
                precision="mixed_bfloat16",
            ),
            expected="On the held-out crops 22.8 dB in strokes, 18.9 in free forms and 16.1 in "
            "centres, where the best classical method has 22.1, 18.6 and 15.9; 37 minutes on a "
            "core",
        ),
        "context_encoder_l2": L2,
        "context_encoder_l2_adversarial": replace(
            L2,
            title="Context encoder, as published: squared differences and a judge",
            l2_weight=0.999,
            adversarial_weight=0.001,
            expected="The paper's comparison: middles with more detail, of which most is a pattern "
            "after so short a training, 16.1 dB; 28 minutes on a core",
        ),
    }
)
