"""Networks that enlarge, as others published them with weights, run through TensorFlow.

The archive holds frozen graphs of FSRCNN and ESPCN, which take and give the luma that OpenCV
computes (full range, [0, 1]), and a checkpoint of SRCNN 9-1-5, which takes luma that cubic
B-splines have enlarged. They do not reach the figures of the papers that they follow: none was
trained on what antialiased bicubic resampling makes smaller. On what OpenCV's cubic makes smaller
(`opencv_cubic`) FSRCNN and ESPCN are better by 0.9 and 1.2 dB at x2. Here each has what it was
trained with as far as that helps: the colour range (0.02 to 0.06 dB), the B-splines, no edge of
zeros (SRCNN; 5 dB).
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FSRCNN = "Saafke__FSRCNN_Tensorflow/models"
ESPCN = "fannymonori__TF-ESPCN/export"
SRCNN = "tegg89__SRCNN-Tensorflow/checkpoint/srcnn_21/SRCNN.model-2550000"
MARGIN_PX = 5  # of small pixels that repeat around SRCNN's picture: 2 for the spline, 6 large ones
OPENCV_A = -0.75  # of its cubic kernel
FULL_RANGE = (0.299, 0.587, 0.114)  # BT.601's luma of R, G, B, as JPEG and OpenCV scale it

Network = Callable[[Any], Any]


@dataclass(frozen=True)
class PublishedUpscaler:
    """One network with its weights.

    Attributes:
        network: Maps luma (B, H, W, 1) in [0, 1] to (B, scale H, scale W, 1), in TensorFlow.
        scale: How many times it enlarges.
    """

    network: Network
    scale: int

    def of_pictures(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return what maps (h, w, 3), or (h, w) of a grey picture, uint8 to the enlarged picture.

        Colour is enlarged by bicubic resampling. What the network adds to the luma is added to all
        three channels, which leaves the chroma as it is.
        """
        import tensorflow as tf

        pictures = [tf.TensorSpec((None, None, None), tf.uint8)]
        graph = tf.function(self._graph, autograph=False, input_signature=pictures)

        def enlarge(pixels: np.ndarray) -> np.ndarray:
            found: np.ndarray = graph(np.atleast_3d(pixels)).numpy()
            return found.reshape(*found.shape[:2], *pixels.shape[2:])

        return enlarge

    def _graph(self, pixels: Any) -> Any:
        """Map (h, w, C) uint8 to (scale h, scale w, C)."""
        import tensorflow as tf

        image = tf.cast(pixels, tf.float32)[None] / 255.0
        smooth = tf.image.resize(image, tf.shape(image)[1:3] * self.scale, "bicubic")
        weights = tf.cond(  # a grey picture's values are its luma
            tf.shape(image)[-1] == 1,
            lambda: tf.ones((1, 1)),
            lambda: tf.constant(FULL_RANGE)[:, None],
        )
        luma = self.network(tf.tensordot(image, weights, 1))
        enlarged = smooth + (luma - tf.tensordot(smooth, weights, 1))
        return tf.saturate_cast(tf.round(enlarged[0] * 255.0), tf.uint8)


def read_published(archive: Path, scale: int) -> dict[str, PublishedUpscaler]:
    """Return the networks of an archive at a scale, by name."""
    with zipfile.ZipFile(archive) as files:
        networks = {
            "FSRCNN": _frozen(files.read(f"{FSRCNN}/FSRCNN_x{scale}.pb")),
            "FSRCNN-s": _frozen(files.read(f"{FSRCNN}/FSRCNN-small_x{scale}.pb")),
            "ESPCN": _frozen(files.read(f"{ESPCN}/ESPCN_x{scale}.pb")),
            "SRCNN 9-1-5": _srcnn(files.read(SRCNN), scale),
        }
    return {name: PublishedUpscaler(network, scale) for name, network in networks.items()}


def opencv_cubic(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample (H, W) or (H, W, C) float as OpenCV's cubic: a = -0.75, without antialiasing."""
    for axis, size in ((0, height), (1, width)):
        before = pixels.shape[axis]
        centres = (np.arange(size) + 0.5) * before / size - 0.5
        first = np.floor(centres).astype(int) - 1
        total = np.zeros((), pixels.dtype)
        for tap in range(4):
            x = np.abs(centres - (first + tap))
            a = OPENCV_A
            near = (a + 2) * x**3 - (a + 3) * x**2 + 1
            far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
            weights = np.where(x < 1, near, far).astype(pixels.dtype)
            taken = np.take(pixels, np.clip(first + tap, 0, before - 1), axis)
            shape = [1] * pixels.ndim
            shape[axis] = size
            total = total + weights.reshape(shape) * taken
        pixels = total
    return pixels


def _frozen(graph: bytes) -> Network:
    """Return a frozen graph as a function."""
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(graph)
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.compat.v1.import_graph_def(definition, name=""), []
    )
    pruned: Network = wrapped.prune("IteratorGetNext:0", "NHWC_output:0")
    return pruned


def _srcnn(checkpoint: bytes, scale: int) -> Network:
    """Return the three convolutions of a checkpoint, which work on the enlarged luma."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint"
        path.write_bytes(checkpoint)
        reader = tf.train.load_checkpoint(str(path))
        names = [(f"w{n}", f"b{n}") for n in (1, 2, 3)]
        layers = [tuple(tf.constant(reader.get_tensor(name)) for name in pair) for pair in names]

    def network(luma: Any) -> Any:
        margins = [[0, 0], [MARGIN_PX, MARGIN_PX], [MARGIN_PX, MARGIN_PX], [0, 0]]
        x = _spline_enlarged(tf.pad(luma, margins, "SYMMETRIC"), scale)
        for number, (kernel, bias) in enumerate(layers, start=1):
            x = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)
            x = tf.nn.relu(x) if number < len(layers) else x
        cut = MARGIN_PX * scale
        return x[:, cut:-cut, cut:-cut]

    return network


def _spline_enlarged(luma: Any, scale: int) -> Any:
    """Enlarge (B, H, W, 1) by cubic B-splines through no point: blurred, as SRCNN was trained."""
    import tensorflow as tf

    taps = 4 * scale + scale % 2  # so that the pixels' centres meet
    x = np.abs(np.arange(taps) - (taps - 1) / 2) / scale
    spline = np.where(x < 1, 2 / 3 - x**2 + x**3 / 2, np.maximum(2 - x, 0) ** 3 / 6)
    kernel = np.outer(spline, spline)[:, :, None, None].astype(np.float32)
    batch, height, width, _ = tf.unstack(tf.shape(luma))
    size = tf.stack([batch, height * scale, width * scale, 1])
    return tf.nn.conv2d_transpose(luma, kernel, size, scale, "SAME")
