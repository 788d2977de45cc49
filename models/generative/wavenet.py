"""WaveNet: sound, sample by sample, each from the samples before it.

Van den Oord and others: WaveNet: a generative model for raw audio, 2016 (arXiv:1609.03499). Dilated
causal convolutions, gated units, residual and skip connections as in its figure 4; conditioned as
in its section 2.5.

    given samples[0] .. samples[t], logits[t] say what samples[t + 1] may be

Whatever comes before the input counts as zeros of the embedded maps, not as a level. A clip starts
with the level of `silence`, which is given and not predicted: the network sees [silence, s0, s1]
and predicts [s0, s1, s2]. Counted so, the frame `t // hop` conditions the prediction of s[t].

Departures. A level is looked up in a table and then convolved, where the paper convolves one-hot
vectors. Filter and gate are one convolution of 2R maps. The last layer has no residual 1 x 1, whose
output nobody would read. Frames are repeated, not upsampled by a transposed convolution. The paper
states no sizes; the rows are ours, small enough for a processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import layers

from models.layers.gated_unit import GatedUnit
from models.layers.label_embeddings import LabelEmbeddings
from models.layers.repeat_frames import RepeatFrames
from models.spec import WaveformSpec


@dataclass(frozen=True, kw_only=True)
class WaveNetSpec(WaveformSpec):
    """A WaveNet of `stacks` times `layers` layers, dilated by 1, 2, 4, .. within a stack.

    Attributes:
        residual: Maps between the layers, the R of the comments.
        skip: Maps that are summed over all layers, and of the head; S.
        stacks: How often the dilations start again at 1.
        layers: In a stack.
        kernel: Samples that each convolution reads: 2 or 3.
        classes: Levels that a sample can have.
        global_classes: Of each label that the whole clip has, how many there are; none when empty.
        global_dim: Length of the labels' embeddings.
        local_dim: Values of a frame; 0 where there are no frames.
        hop: Samples that a frame lasts.
    """

    residual: int
    skip: int
    stacks: int
    layers: int
    kernel: int = 2
    classes: int = 256  # mu-law in 8 bits, section 2.2
    global_classes: tuple[int, ...] = ()
    global_dim: int = 16
    local_dim: int = 0
    hop: int = 1
    paper: str = "arXiv:1609.03499"

    def __post_init__(self) -> None:
        """Check what a caller can choose.

        Raises:
            ValueError: A number is out of its range.
        """
        numbers = {"global_dim": 1, "local_dim": 0, "hop": 1}
        for name, least in numbers.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name} must be a whole number of at least {least}; got {value!r}"
                )
        if any(not isinstance(n, int) or n < 1 for n in self.global_classes):
            raise ValueError(
                "global_classes must say how many classes each label has, at least 1; "
                f"got {self.global_classes!r}"
            )
        if self.kernel not in (2, 3):
            raise ValueError(f"kernel must be 2 or 3; got {self.kernel!r}")

    @property
    def dilations(self) -> tuple[int, ...]:
        """Of each layer, in samples."""
        return tuple(2**place for place in range(self.layers)) * self.stacks


SPECS = {
    "wavenet_tiny": WaveNetSpec(
        title="WaveNet: 2 x 8 layers of 32 maps, sees 512 samples",
        residual=32,
        skip=128,
        stacks=2,
        layers=8,
        params=209_792,
    ),
    "wavenet_small": WaveNetSpec(
        title="WaveNet: 2 x 10 layers of 32 maps, sees 2,048 samples",
        residual=32,
        skip=128,
        stacks=2,
        layers=10,
        params=247_552,
    ),
    "wavenet_long": WaveNetSpec(
        title="WaveNet: 2 x 11 layers of 32 maps, sees 4,096 samples",
        residual=32,
        skip=128,
        stacks=2,
        layers=11,
        params=266_432,
    ),
    "wavenet_medium": WaveNetSpec(
        title="WaveNet: 3 x 10 layers of 64 maps, sees 3,071 samples",
        residual=64,
        skip=256,
        stacks=3,
        layers=10,
        params=1_271_424,
    ),
    "wavenet_micro": WaveNetSpec(
        title="WaveNet made tiny, for fast tests: 2 x 3 layers, sees 16 samples",
        residual=8,
        skip=16,
        stacks=2,
        layers=3,
        params=9_664,
    ),
}


def silence(classes: int) -> int:
    """Return the level of the waveform's 0, with which every clip starts: 128 of 256."""
    return classes // 2


def receptive_field(spec: WaveNetSpec) -> int:
    """Return how many samples a prediction depends on, the newest among them."""
    return 1 + (spec.kernel - 1) * (1 + sum(spec.dilations))


def feature_names(spec: WaveNetSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the samples on."""
    adds = (f"layer{number}_add" for number in range(1, len(spec.dilations)))
    return ("first_conv", *adds, "skips_add")


def build(
    spec: WaveNetSpec,
    *,
    input_shape: tuple[int | None, ...] = (None,),
    kernel: int | None = None,
    global_classes: Sequence[int] | None = None,
    global_dim: int | None = None,
    local_dim: int | None = None,
    hop: int | None = None,
) -> keras.Model:
    """Return the network of `spec`: a dictionary of inputs to logits (B, T, classes), float32.

    Its inputs are `samples` (B, T), levels 0 to classes - 1; with global classes `labels` (B, n),
    each below its number of classes; with frames `frames` (B, F, local_dim), where F hop >= T.

    Args:
        spec: Which; the options below, where they are not None, stand in place of its own.
        input_shape: (T,); any T when it is None.
        kernel: Samples that each convolution reads: 2 or 3.
        global_classes: How many classes each label of a clip has, such as (10, 6).
        global_dim: Length of the labels' embeddings.
        local_dim: Values of a frame.
        hop: Samples that a frame lasts.

    Raises:
        ValueError: An option is out of its range.
    """
    options: dict[str, Any] = {
        "kernel": kernel,
        "global_classes": None if global_classes is None else tuple(global_classes),
        "global_dim": global_dim,
        "local_dim": local_dim,
        "hop": hop,
    }
    spec = replace(spec, **{name: value for name, value in options.items() if value is not None})
    samples = keras.Input(input_shape, dtype="int32", name="samples")
    inputs = {"samples": samples}
    label = frames = None
    if spec.global_classes:
        inputs["labels"] = keras.Input((len(spec.global_classes),), dtype="int32", name="labels")
        label = _label(spec, inputs["labels"])
    if spec.local_dim:
        inputs["frames"] = frames = keras.Input((None, spec.local_dim), name="frames")
    # Of deviation 1, which is what the kernels' initialisers expect to read.
    table = keras.initializers.RandomNormal(stddev=1.0)
    x = layers.Embedding(
        spec.classes, spec.residual, embeddings_initializer=table, name="samples_embed"
    )(samples)
    x = _causal(x, spec.residual, spec.kernel, 1, "first_conv")  # (B, T, R)
    skips = []
    for number, dilation in enumerate(spec.dilations, start=1):
        name = f"layer{number}"
        gated = _gated(spec, x, dilation, label, frames, name)
        skips.append(layers.Dense(spec.skip, name=f"{name}_skip")(gated))  # (B, T, S)
        if number < len(spec.dilations):
            residual = layers.Dense(spec.residual, name=f"{name}_residual")(gated)
            x = layers.Add(name=f"{name}_add")([x, residual])
    return keras.Model(inputs, _head(spec, skips))


def _label(spec: WaveNetSpec, labels: Any) -> Any:
    """Return what all samples of a clip have in common, (B, 1, global_dim)."""
    embed = LabelEmbeddings(spec.global_classes, spec.global_dim, name="labels_embed")
    return layers.Reshape((1, spec.global_dim), name="labels_reshape")(embed(labels))


def _gated(spec: WaveNetSpec, x: Any, dilation: int, label: Any, frames: Any, name: str) -> Any:
    """Map (B, T, R) to a layer's gated maps, (B, T, R)."""
    wide = 2 * spec.residual
    x = _causal(x, wide, spec.kernel, dilation, f"{name}_conv")
    terms = [x]
    if label is not None:
        terms.append(layers.Dense(wide, use_bias=False, name=f"{name}_global")(label))
    if frames is not None:
        projected = layers.Dense(wide, use_bias=False, name=f"{name}_local")(frames)
        terms.append(RepeatFrames(spec.hop, name=f"{name}_repeat")([projected, x]))
    if len(terms) > 1:
        x = layers.Add(name=f"{name}_condition")(terms)
    return GatedUnit(name=f"{name}_gate")(x)


def _head(spec: WaveNetSpec, skips: list[Any]) -> Any:
    """Map the layers' maps (B, T, S) to logits (B, T, classes)."""
    x = layers.Add(name="skips_add")(skips) if len(skips) > 1 else skips[0]
    x = layers.ReLU(name="skips_relu")(x)
    x = layers.ReLU(name="head_relu")(layers.Dense(spec.skip, name="head")(x))
    return layers.Dense(spec.classes, dtype="float32", name="logits")(x)


def _causal(x: Any, maps: int, kernel: int, dilation: int, name: str) -> Any:
    return layers.Conv1D(maps, kernel, padding="causal", dilation_rate=dilation, name=name)(x)
