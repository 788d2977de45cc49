"""What computes a network's logits: TensorFlow, or OpenVINO where it is installed.

An engine compiles the network for inference at its first call, and again when the weights have
changed. TensorFlow runs it with batch normalisation folded into the convolutions and the weights
as constants, which its convolutions pack once instead of at every call. OpenVINO runs what Keras
exports for it, in float32 as TensorFlow does; on a CPU it is quicker (`benchmarks/inference.py`).
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from models.words import suggest

if TYPE_CHECKING:
    import keras
    import tensorflow as tf  # elsewhere at the first use: `check_engine` answers without it

Run = Callable[["tf.Tensor"], Any]  # prepared pictures (N, H, W, C) to logits (N, classes)

# Constants are in memory some nine times: in graphs, in messages, and packed for the convolutions.
# ResNet-50, 26 million, pays 0.9 GB for 5 % of one picture's time; larger networks do not.
MOST_CONSTANTS = 32_000_000


class EngineError(ValueError):
    """An engine that there is not, or that is not installed."""


def check_engine(name: str) -> None:
    """Refuse what cannot compute here.

    Raises:
        EngineError: There is no such engine, or it is not installed.
    """
    if name not in ENGINES:
        raise EngineError(f"unknown engine {name!r}; {suggest(name, ENGINES)}")
    if name == "openvino" and find_spec("openvino") is None:
        raise EngineError(
            "engine 'openvino' needs OpenVINO, which is not installed; install it with: "
            "pip install 'sightsound[openvino]'"
        )


class Engine:
    """A network compiled for inference; may be called by several threads.

    Attributes:
        name: One of `ENGINES`.
        network: What it computes.
        watched: Whether to look at each call whether the weights have changed. They cannot while
            nobody else has the network.
    """

    def __init__(self, name: str, network: keras.Model) -> None:
        """Take a network with one input of a fixed size and one output.

        Raises:
            EngineError: There is no such engine, or it is not installed, or not for this network.
        """
        check_engine(name)
        halves = {layer.compute_dtype for layer in network.layers} & {"float16", "bfloat16"}
        if name == "openvino" and halves:
            raise EngineError(
                f"engine 'openvino' takes networks that compute in float32; {network.name} "
                f"computes in {', '.join(halves)}; make it under the dtype policy 'float32'"
            )
        self.name, self.network, self.watched = name, network, True
        self._weights = _Weights(network)
        self._run: Run | None = None
        self._lock = threading.Lock()

    def __call__(self, prepared: tf.Tensor) -> Any:
        """Map prepared pictures (N, H, W, C) float32 to logits (N, classes), N of at least 1."""
        with self._lock:
            if self._run is None or (self.watched and self._weights.changed()):
                self._weights.note()
                self._run = ENGINES[self.name](self.network)
            run = self._run
        return run(prepared)


def _with_tensorflow(network: keras.Model) -> Run:
    import tensorflow as tf

    from models.folding import fold_normalisation

    folded = fold_normalisation(network)
    spec = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32, name="prepared")
    if folded.count_params() > MOST_CONSTANTS:
        graph = tf.function(lambda prepared: folded(prepared, training=False), autograph=False)
        live: Run = graph.get_concrete_function(spec)
        return live
    trainable, fixed = (
        [variable.numpy() for variable in variables]
        for variables in (folded.trainable_variables, folded.non_trainable_variables)
    )

    def logits(prepared: tf.Tensor) -> tf.Tensor:
        constants = [[tf.constant(value) for value in values] for values in (trainable, fixed)]
        return folded.stateless_call(*constants, prepared, training=False)[0]

    constant: Run = tf.function(logits, autograph=False).get_concrete_function(spec)
    return constant


def _with_openvino(network: keras.Model) -> Run:
    import openvino

    from models.folding import fold_normalisation

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # or the files must stay
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "network.xml")
        # Folded, though OpenVINO would do that itself: random layers stay active otherwise.
        fold_normalisation(network).export(str(file), format="openvino", verbose=False)
        # One picture soon rather than many at once; and never in bfloat16, as it likes to.
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = core.compile_model(core.read_model(file), "CPU", settings)
    own = threading.local()  # a request serves one thread at a time

    def logits(prepared: tf.Tensor) -> np.ndarray:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        answer = own.request.infer([np.asarray(prepared)], share_inputs=True)
        found: np.ndarray = answer[0]
        return found

    return logits


ENGINES: Mapping[str, Callable[[keras.Model], Run]] = MappingProxyType(
    {"tensorflow": _with_tensorflow, "openvino": _with_openvino}
)


class _Weights:
    """Tells whether a network's weights are what they were.

    Reading a variable gives its buffer, not a copy, and TensorFlow writes into no buffer that
    somebody else holds. So where the buffer is the one that was noted, the values are; where it is
    another, they are compared. This takes 2 ms for ResNet-50; to compare all its values takes 10.
    """

    def __init__(self, network: keras.Model) -> None:
        import tensorflow as tf

        # Traced here: TensorFlow warns of a function of one place that is traced with many calls.
        self._read = tf.function(
            lambda: [variable.value.read_value() for variable in network.variables],
            autograph=False,
        ).get_concrete_function()
        self._noted: Sequence[tf.Tensor] = ()

    def note(self) -> None:
        """Remember the weights as they are now."""
        self._noted = self._read()

    def changed(self) -> bool:
        """Return whether any is not as it was noted."""
        pairs = zip(self._noted, self._read(), strict=True)
        return not all(_same(np.asarray(old), np.asarray(new)) for old, new in pairs)


def _same(old: np.ndarray, new: np.ndarray) -> bool:
    buffers = [array.__array_interface__["data"][0] for array in (old, new)]
    # Bit by bit: a weight that is no number is equal to itself.
    return buffers[0] == buffers[1] or old.tobytes() == new.tobytes()
