"""How the shipped classifiers were trained, as data; `training` trains so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import keras

from models.losses import MaximumAPosteriori
from models.noise import Noise
from models.words import suggest
from pipelines.classification.labelled_images import Split
from pipelines.preprocessing import ImagePreprocessing
from pipelines.standardisation import Kind as StandardisationKind
from pipelines.training.augmentation import Augmentation
from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A training that goes on from what the one before it arrived at, with the next seed.

    Attributes:
        plan: How long and how fast.
        augment: Random changes of training pictures.
    """

    plan: TrainingPlan
    augment: Augmentation


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training: which network on which data, how, and what to expect.

    Attributes:
        title: One line for people.
        model: The network's name in the catalog.
        data: A named data set, see `pipelines.classification.data`.
        preprocessing: How a picture is prepared, in training and ever after.
        plan: How long and how fast.
        augment: Random changes of training pictures.
        loss: Softmax cross-entropy, or LeNet-5's own criterion.
        expected: The test accuracy to expect, and the cost.
        licence: What the data's authors state.
        also: Other named sets that the card reports, never trained on.
        measured: The split that the figures are of.
        folded_into: The network that is shipped, where it is another than the one that trains: the
            same without normalisation (`models.folding.fold_into`).
        standardise: What of the training pictures is measured and kept in `preprocessing`; None
            for what that states.
        initialisation: Where weights start, see `models.initialisation`; empty for the network's
            own choice.
        noise: Random layers added to the network while it trains.
        then: Further trainings, in their order; none of a network that is `folded_into` another.
    """

    title: str
    model: str
    data: str
    preprocessing: ImagePreprocessing
    plan: TrainingPlan
    augment: Augmentation
    expected: str
    licence: str
    also: tuple[str, ...] = ()
    loss: Literal["cross_entropy", "map_criterion"] = "cross_entropy"
    measured: Split = "test"
    folded_into: str = ""
    standardise: StandardisationKind | None = None
    initialisation: str = ""
    noise: Noise | None = None
    then: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        """Check that further trainings find the network that they go on with."""
        if self.then and self.folded_into:
            raise ValueError(
                f"a network that is folded into {self.folded_into} cannot be trained on; leave "
                "`then` out"
            )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All trainings, in their order."""
        return (Stage(plan=self.plan, augment=self.augment), *self.then)

    def changed(self, **changes: Any) -> Recipe:
        """Return the recipe with other values in its plans, as `TrainingPlan.changed` takes them.

        Raises:
            ValueError: A value is out of range.
        """
        then = tuple(replace(stage, plan=stage.plan.changed(**changes)) for stage in self.then)
        return replace(self, plan=self.plan.changed(**changes), then=then)

    def criterion(self) -> keras.losses.Loss | None:
        """Return the loss where it is not the plan's."""
        return MaximumAPosteriori() if self.loss == "map_criterion" else None


# MNIST's own preparation: the digit in a 20 x 20 box, its centre of mass in the middle of 28 x 28.
MNIST = ImagePreprocessing(
    height_px=28,
    width_px=28,
    channels=1,
    fit="object",
    polarity="light_on_dark",
    object_fraction=20 / 28,
    object_centre="mass",
)
# LeNet-5 of 1998 saw 32 x 32 pixels with white at -0.1 and black at 1.175 (section II.A).
MNIST_1998 = replace(MNIST, margin_px=2, scale=(1.275,), offset=(-0.1,))
# Fashion-MNIST's: trimmed, the longer side at 28, centred, light on dark (arXiv:1708.07747).
FASHION = replace(MNIST, object_fraction=1.0, object_centre="box")

# Mean and standard deviation of CIFAR-10's training pictures, a channel each.
CIFAR10_MEAN, CIFAR10_DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CIFAR10 = ImagePreprocessing(
    height_px=32,
    width_px=32,
    scale=tuple(1 / d for d in CIFAR10_DEVIATION),
    offset=tuple(-m / d for m, d in zip(CIFAR10_MEAN, CIFAR10_DEVIATION, strict=True)),
)

HANDWRITING = Augmentation(rotation_deg=11.5, log_scale=0.12, shear=0.2, shift_px=2.0)
# Alternating mirror images and shifts of two pixels (arXiv:2404.00498, section 3.6).
SMALL_PHOTOGRAPHS = Augmentation(crop_px=2, mirror="alternate")
CUT_PHOTOGRAPHS = replace(SMALL_PHOTOGRAPHS, crop_px=4, cutout_px=12)
CLOTHES = Augmentation(shift_px=1.5, mirror=True)

MNIST_LICENCE = "not stated in the source used"
FASHION_LICENCE = "MIT (Zalando)"
CIFAR10_LICENCE = "none stated"

SPEED_NET = TrainingPlan(
    epochs=30,
    batch_size=512,
    peak_rate=0.02,
    weight_decay=0.25,
    optimizer="muon",
    average=0.99,
    label_smoothing=0.1,
    precision="mixed_bfloat16",
)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "lenet_modern_mnist": Recipe(
            title="Handwritten digits: a modern net of 88,890 parameters",
            model="lenet_modern",
            data="mnist",
            preprocessing=MNIST,
            plan=TrainingPlan(epochs=15),
            augment=HANDWRITING,
            expected="99.6 % of MNIST's test images; 16 minutes on a busy core",
            licence=MNIST_LICENCE,
            also=("digits",),
        ),
        "lenet5_mnist": Recipe(
            title="Handwritten digits: LeNet-5 as everybody writes it",
            model="lenet5",
            data="mnist",
            preprocessing=MNIST,
            plan=TrainingPlan(epochs=20, batch_size=64, peak_rate=2e-3),
            augment=HANDWRITING,
            expected="99.5 % of MNIST's test images; 4 minutes on a busy core",
            licence=MNIST_LICENCE,
            also=("digits",),
        ),
        "lenet5_1998_mnist": Recipe(
            title="Handwritten digits: LeNet-5 exactly as published in 1998",
            model="lenet5_1998",
            data="mnist",
            preprocessing=MNIST_1998,
            plan=TrainingPlan(epochs=20, batch_size=64, peak_rate=2e-3, weight_decay=0.0),
            augment=HANDWRITING,
            loss="map_criterion",
            expected="99.4 % of MNIST's test images (paper: 99.2 %); 6 minutes on a busy core",
            licence=MNIST_LICENCE,
            also=("digits",),
        ),
        "lenet_modern_fashion_mnist": Recipe(
            title="Clothes and shoes: a modern net of 88,890 parameters",
            model="lenet_modern",
            data="fashion_mnist",
            preprocessing=FASHION,
            plan=TrainingPlan(epochs=30),
            augment=CLOTHES,
            expected="93 % of Fashion-MNIST's test images; about 40 minutes on a busy core",
            licence=FASHION_LICENCE,
        ),
        "lenet5_fashion_mnist": Recipe(
            title="Clothes and shoes: LeNet-5 as everybody writes it",
            model="lenet5",
            data="fashion_mnist",
            preprocessing=FASHION,
            plan=TrainingPlan(epochs=20, batch_size=64, peak_rate=2e-3),
            augment=CLOTHES,
            expected="91 % of Fashion-MNIST's test images; 4 minutes on a busy core",
            licence=FASHION_LICENCE,
        ),
        "speed_net_cifar10": Recipe(
            title="Ten kinds of animals and vehicles: the speed net, 1,971,352 parameters",
            model="speed_net",
            data="cifar10",
            measured="validation",
            preprocessing=CIFAR10,
            plan=SPEED_NET,
            augment=CUT_PHOTOGRAPHS,
            then=(
                # The mean of weights that a constant rate keeps moving (arXiv:1803.05407).
                Stage(
                    plan=replace(
                        SPEED_NET,
                        epochs=23,
                        peak_rate=0.006,
                        schedule=Schedule(kind="constant", warm_up=0.024),
                        average=0.999,
                    ),
                    augment=CUT_PHOTOGRAPHS,
                ),
                # At last whole pictures, as it will be shown them (arXiv:1909.09148).
                Stage(
                    plan=replace(
                        SPEED_NET,
                        epochs=3,
                        peak_rate=0.002,
                        schedule=Schedule(kind="linear", warm_up=0.05),
                        average=0.98,
                    ),
                    augment=SMALL_PHOTOGRAPHS,
                ),
            ),
            expected="94.1 % of CIFAR-10's 5,000 held-out pictures, 95.1 % with mirror images; "
            "three and a quarter hours on a core",
            licence=CIFAR10_LICENCE,
        ),
        "resnet20_cifar10": Recipe(
            title="Ten kinds of animals and vehicles: ResNet-20, 269,722 parameters",
            model="resnet20",
            data="cifar10",
            measured="validation",
            preprocessing=CIFAR10,
            plan=TrainingPlan(
                epochs=36,
                batch_size=256,
                peak_rate=0.02,
                weight_decay=0.1,
                optimizer="muon",
                average=0.995,
                precision="mixed_bfloat16",
            ),
            augment=SMALL_PHOTOGRAPHS,
            expected="92.5 % of CIFAR-10's 5,000 held-out pictures, 93.0 % with mirror images; "
            "91 minutes on a busy core",
            licence=CIFAR10_LICENCE,
        ),
        "all_cnn_c_cifar10": Recipe(
            title="Ten kinds of animals and vehicles: All-CNN-C, 1,369,738 parameters",
            model="all_cnn_c_bn",
            folded_into="all_cnn_c",
            data="cifar10",
            measured="validation",
            preprocessing=CIFAR10,
            plan=TrainingPlan(
                epochs=8,
                batch_size=256,
                peak_rate=0.02,
                weight_decay=0.2,
                optimizer="muon",
                average=0.995,
                label_smoothing=0.1,
                precision="mixed_bfloat16",
            ),
            augment=SMALL_PHOTOGRAPHS,
            expected="92.4 % of CIFAR-10's 5,000 held-out pictures, 92.8 % with mirror images; "
            "98 minutes on a busy core",
            licence=CIFAR10_LICENCE,
        ),
    }
)


def recipe(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}; {suggest(name, RECIPES)}")
    return RECIPES[name]
