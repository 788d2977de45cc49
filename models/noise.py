"""Random layers put into a finished network: dropout, spatial dropout, Gaussian noise.

    dropout          single values become 0 (Hinton et al., arXiv:1207.0580)
    spatial_dropout  whole maps become 0 (Tompson et al., arXiv:1411.4280)
    multiplicative   values times a Gaussian around 1 (Srivastava et al., JMLR 15, 2014, section 10)
    additive         values plus a Gaussian around 0

They stand after the activations, dropout also before the layer that makes the logits; they act in
training only and keep each value's mean. `with_active_noise` lets a network's random layers act
afterwards too, which is Monte-Carlo dropout (Gal, Ghahramani, arXiv:1506.02142).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import keras
import numpy as np
from keras import layers, ops

NORMALISATIONS = (
    layers.BatchNormalization,
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.RMSNormalization,
)
ACTIVATIONS = (layers.ELU, layers.LeakyReLU, layers.PReLU, layers.ReLU)  # without `.activation`


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How much noise of which kind, and where.

    Attributes:
        dropout: Probability that a value becomes 0; the others grow to make up for it.
        spatial_dropout: The same for a whole map.
        multiplicative: Standard deviation of the factor.
        additive: Standard deviation of the summand, at most 1.
        where: In `all` places, or each kind in its `last` only.
    """

    dropout: float = 0.0
    spatial_dropout: float = 0.0
    multiplicative: float = 0.0
    additive: float = 0.0
    where: Literal["all", "last"] = "all"

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.where not in ("all", "last"):
            raise ValueError(f"where must be 'all' or 'last'; got {self.where!r}")
        for name in ("dropout", "spatial_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be 0 or more and below 1; got {getattr(self, name)}")
        if not 0 <= self.multiplicative < float("inf"):
            raise ValueError(f"multiplicative must be 0 or more; got {self.multiplicative}")
        if not 0 <= self.additive <= 1:
            raise ValueError(f"additive must be 0 to 1; got {self.additive}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the kinds that there are."""
        names = (field.name for field in fields(self) if field.name != "where")
        return tuple(name for name in names if getattr(self, name) > 0)

    def layer(self, kind: str, **options: Any) -> keras.layers.Layer:
        """Return a random layer of one kind."""
        match kind:
            case "dropout":
                return layers.Dropout(self.dropout, **options)
            case "spatial_dropout":
                return layers.SpatialDropout2D(
                    self.spatial_dropout, data_format="channels_last", **options
                )
            case "multiplicative":
                # Keras's layer takes the rate p of the dropout with as much variance, p / (1 - p).
                variance = self.multiplicative**2
                return layers.GaussianDropout(variance / (1 + variance), **options)
            case _:
                return layers.GaussianNoise(self.additive, **options)


def with_noise(model: keras.Model, noise: Noise, *, seed: int = 0) -> keras.Model:
    """Return `model` with random layers; its own layers and weights are shared.

    At inference it is equal to `model`, which stays as it is. Nested networks are left alone.

    Args:
        model: A functional network: images (B, H, W, C) to logits (B, classes).
        noise: What to add; without any, `model` itself is returned.
        seed: Determines what is drawn; each layer draws on its own.

    Raises:
        ValueError: The network has no place for a kind of noise.
    """
    if not noise.kinds:
        return model
    functional = _functional(model)
    top = _top(functional)
    places = _places(functional, noise, top)
    calls: Counter[str] = Counter()
    made: set[int] = set()  # tensors that dropout made already
    count = 0

    def noisy(x: Any, where: str, kinds: list[str]) -> Any:
        nonlocal count
        for kind in kinds:
            count += 1
            own = int(np.random.SeedSequence((seed, count)).generate_state(1)[0] >> 1)
            x = noise.layer(kind, name=f"{where}_{kind}", seed=own, dtype=x.dtype)(x)
            if kind == "dropout":
                made.add(id(x))
        return x

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        calls[layer.name] += 1
        name = layer.name if calls[layer.name] == 1 else f"{layer.name}_{calls[layer.name]}"
        if layer is top and noise.dropout and id(args[0]) not in made:
            args = (noisy(args[0], f"{name}_input", ["dropout"]), *args[1:])
        return noisy(layer(*args, **kwargs), name, places.get(layer.name, []))

    return _rebuilt(functional, lambda layer: layer, call)


def with_active_noise(model: keras.Model) -> keras.Model:
    """Return `model` with random layers that act at inference too; it shares all weights.

    Call it with `training=False`: only its random layers then do as in training. One draw serves
    all pictures of a batch, so that a picture's outcome does not depend on the others.

    Args:
        model: A functional network.

    Raises:
        ValueError: The network has no random layer.
    """
    functional = _functional(model)
    if not any(_is_random(layer) for layer in functional.layers):
        raise ValueError(
            f"{model.name} has no random layer whose draws could be averaged; add dropout, best "
            "before training: with_noise(model, Noise(dropout=0.1)), or --dropout 0.1"
        )

    def replaced(layer: Any) -> Any:
        return ActiveNoise(layer) if _is_random(layer) else layer

    return _rebuilt(functional, replaced, lambda layer, *args, **kwargs: layer(*args, **kwargs))


class ActiveNoise(keras.layers.Layer):
    """Another network's random layer, always active, with one draw for all pictures of a batch.

    Attributes:
        layer: The random layer.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        super().__init__(name=layer.name, dtype=layer.dtype_policy)
        self.layer = layer

    @property
    def seed_state(self) -> keras.Variable:
        """Two integers that determine the next draw."""
        return cast("keras.Variable", self.layer.seed_generator.state)

    def call(self, inputs: Any) -> Any:
        """Return the inputs times, or plus, one draw (1, ...) of the layer."""
        one = inputs[:1]
        if isinstance(self.layer, layers.GaussianNoise):
            return inputs + self.layer(ops.zeros_like(one), training=True)
        return inputs * self.layer(ops.ones_like(one), training=True)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's."""
        return input_shape


def _is_random(layer: Any) -> bool:
    amount = getattr(layer, "rate", 0) or getattr(layer, "stddev", 0)
    kinds = (layers.Dropout, layers.GaussianDropout, layers.GaussianNoise)
    return isinstance(layer, kinds) and amount > 0


def _functional(model: keras.Model) -> keras.Model:
    """Return the network as a graph of layers.

    Raises:
        ValueError: It is a subclass whose layers nobody can list.
    """
    if not any(isinstance(layer, layers.InputLayer) for layer in model.layers):
        if isinstance(model, keras.Sequential) and model.built:
            return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
        raise ValueError(f"noise needs a functional network; {model.name} is a {type(model)}")
    return model


def _top(model: keras.Model) -> keras.layers.Layer:
    """Return the last layer with weights that is no normalisation."""
    weighty = [x for x in model.layers if x.weights and not isinstance(x, NORMALISATIONS)]
    if not weighty:
        raise ValueError(f"noise needs a layer with weights; {model.name} has none")
    return cast("keras.layers.Layer", weighty[-1])


def _places(model: keras.Model, noise: Noise, top: keras.layers.Layer) -> dict[str, list[str]]:
    """Return the kinds of noise that follow each layer, by its name."""
    before = model.layers[: model.layers.index(top)]
    activations = [layer for layer in before if _activates(layer)]
    places: dict[str, list[str]] = {}
    for kind in noise.kinds:
        fit = [x for x in activations if kind != "spatial_dropout" or len(x.output.shape) == 4]
        if not fit and kind != "dropout":
            maps = " of maps" if kind == "spatial_dropout" else ""
            raise ValueError(f"{kind} needs an activation{maps}; {model.name} has none")
        if noise.where == "last":
            fit = [] if kind == "dropout" else fit[-1:]  # dropout's last place is before the logits
        for layer in fit:
            places.setdefault(layer.name, []).append(kind)
    return places


def _activates(layer: Any) -> bool:
    linear = keras.activations.linear
    return isinstance(layer, ACTIVATIONS) or getattr(layer, "activation", linear) is not linear


def _rebuilt(model: keras.Model, replace: Any, call: Any) -> keras.Model:
    """Return the graph of `model` anew, with each layer replaced and called by `call`."""
    clone = keras.models.clone_model(model, clone_function=replace, call_function=call)
    return cast("keras.Model", clone)
