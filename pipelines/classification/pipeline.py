"""Image classification: pictures of any kind in, labels with probabilities out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import tensorflow as tf

from pipelines.classification.classifier import (
    DEFAULT_LIMITS,
    SMALL_PX,
    Classifier,
    opaque_rgb,
    probabilities,
    stacks,
)
from pipelines.classification.data import LabelledImages, load_data
from pipelines.classification.export import TASK, export_classifier
from pipelines.classification.imagenet import DOWNLOADS, imagenet_labels
from pipelines.engines import Engine, check_engine
from pipelines.images import ImageSource, Limits, Picture, read_image
from pipelines.preprocessing import Convention, ImagePreprocessing, fit_pictures, scale_pixels
from pipelines.preset_card import card, stated_metadata
from pipelines.presets import Preset, PresetError, load_preset, save_preset

if TYPE_CHECKING:
    import keras

    from models.noise import Noise
    from pipelines.classification.monte_carlo import MonteCarlo, Sampled
    from pipelines.training.augmentation import Augmentation

AT_ONCE = 256  # pictures in one step: more are no quicker (measured to 512) and need more memory


class ImageClassification(Classifier):
    """A network with its preprocessing and labels, called as every `Classifier` is.

    Attributes:
        preprocessing: How a picture is prepared.
        metadata: What the preset states of itself.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        preprocessing: ImagePreprocessing,
        labels: Sequence[str],
        preset: str = "unnamed",
        metadata: Mapping[str, Any] | None = None,
        engine: str = "tensorflow",
    ) -> None:
        """Take a network from the catalog, its preprocessing, and a label for each class.

        `engine` is what computes: "tensorflow", or "openvino" where that is installed.

        Raises:
            ValueError: They do not fit together, or the engine is not there.
        """
        shape, classes = tuple(model.input_shape[1:]), int(model.output_shape[-1])
        if shape != preprocessing.input_shape:
            raise ValueError(f"the network takes {shape}; got {preprocessing.input_shape} prepared")
        if classes != len(labels):
            raise ValueError(f"{classes} classes must have as many labels; got {len(labels)}")
        self._engine = Engine(engine, model)
        self._monte_carlo: MonteCarlo | None = None  # made when it is first asked for
        self.preprocessing = preprocessing
        self.labels = tuple(labels)
        self.preset = preset
        self.metadata = dict(metadata or {})
        # Without AutoGraph: the graphs hold no Python branches on tensors, and it would read the
        # source files again when a graph is first traced, which may be hours after the import.
        graph = partial(tf.function, autograph=False)
        fitted = tf.TensorSpec((None, *shape), tf.float32, name="fitted")
        self._scale = graph(partial(scale_pixels, preprocessing), input_signature=[fitted])
        self._fit, self._prepare = {}, {}  # by the number of channels
        for channels in (1, 3):
            pictures = [tf.TensorSpec((None, None, None, channels), tf.uint8, name="pictures")]
            fit = partial(fit_pictures, preprocessing)
            self._fit[channels] = graph(fit, input_signature=pictures)
            self._prepare[channels] = graph(self._prepared, input_signature=pictures)

    @property
    def model(self) -> keras.Model:
        """The network: prepared pictures (N, H, W, C) to logits (N, classes).

        Results follow when its weights change: who has asked for it may change them, so from then
        on each call looks whether they are the same.
        """
        self._engine.watched = True
        return self._engine.network

    @property
    def engine(self) -> str:
        """What computes: "tensorflow" or "openvino"."""
        return self._engine.name

    @classmethod
    def from_preset(
        cls,
        name: str | os.PathLike[str],
        *,
        offline: bool = False,
        engine: str = "tensorflow",
    ) -> ImageClassification:
        """Return the pipeline of a preset: shipped, downloadable, a folder, or `hf://owner/name`.

        Raises:
            PresetError: Unknown, damaged, or made for another task.
            EngineError: The engine is unknown or not installed.
        """
        check_engine(engine)  # before anything is downloaded
        preset = load_preset(name, offline=offline, downloads=DOWNLOADS)
        if preset.task != TASK:
            raise PresetError(f"preset {preset.name!r} must be for {TASK}; it is for {preset.task}")
        return cls._of(preset, engine)

    @classmethod
    def _of(cls, preset: Preset, engine: str) -> ImageClassification:
        try:
            pipeline = cls(
                preset.build(),
                preprocessing=ImagePreprocessing.from_preset(preset),
                labels=preset.labels,
                preset=preset.name,
                metadata=preset.metadata,
                engine=engine,
            )
        except PresetError:
            raise
        except ValueError as error:
            raise PresetError(f"preset {preset.name!r}: {error}") from error
        pipeline._engine.watched = False  # nobody else has the network
        return pipeline

    @classmethod
    def for_imagenet(
        cls, model: keras.Model, convention: Convention, *, preset: str = "unnamed"
    ) -> ImageClassification:
        """Return the pipeline of a network with ImageNet weights of your own, with its labels.

            model = ss.create_model("resnet50_v1_5", weights="resnet50.safetensors")
            classify = ss.ImageClassification.for_imagenet(model, "torch")

        Args:
            model: Maps images (B, H, W, 3) of a fixed size to 1,000 logits.
            convention: How its weights want pictures, see `ImagePreprocessing.imagenet`.
            preset: What results call it.

        Raises:
            ValueError: The network is another, or the convention is unknown.
        """
        height, width = model.input_shape[1:3]
        if height is None or width is None:
            raise ValueError("the network must take pictures of a fixed size; give an input_shape")
        return cls(
            model,
            preprocessing=ImagePreprocessing.imagenet(convention, height, width),
            labels=imagenet_labels(),
            preset=preset,
        )

    def _prepared(self, pictures: tf.Tensor) -> tf.Tensor:
        """Map pictures (N, H, W, 3 or 1) uint8 of one size to what the network takes."""
        return scale_pixels(self.preprocessing, fit_pictures(self.preprocessing, pictures))

    def scores(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Map pictures to probabilities (N, classes).

        Args:
            pixels: (H, W, 3) or (H, W, 1) uint8, each of its own size; or float32, as the network
                sees them.
        """
        parts = range(0, len(pixels), AT_ONCE)
        return np.concatenate([self._scores_of_few(pixels[i : i + AT_ONCE]) for i in parts])

    def _scores_of_few(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        return cast("np.ndarray", probabilities(self._engine(self._input(pixels))).numpy())

    def _input(self, pixels: Sequence[np.ndarray]) -> tf.Tensor:
        """Return what the network takes of pictures, as for `scores`."""
        groups = list(stacks(pixels))
        stack = groups[0][1]
        if len(groups) == 1 and stack.dtype == np.uint8:
            return self._prepare[stack.shape[-1]](stack)
        return self._scale(self._fitted(pixels))

    def _sampler(self, samples: int, seed: int) -> Callable[[Sequence[np.ndarray]], Sampled]:
        # Here: an exported classifier has no Keras.
        from pipelines.classification.monte_carlo import MonteCarlo, check_samples

        check_samples(samples, seed)
        if self._monte_carlo is None:
            self._monte_carlo = MonteCarlo(self._engine.network)
        ask = partial(self._monte_carlo, samples=samples, seed=seed)
        return lambda pixels: ask(self._input(pixels))

    def with_noise(self, noise: Noise, *, seed: int = 0) -> ImageClassification:
        """Return this classifier with random layers in its network, see `models.noise`.

        It shares the weights, and gives the same results, but to `mc_samples`.

        Raises:
            ValueError: The network has no place for a kind of noise.
        """
        from models.noise import with_noise

        return ImageClassification(
            with_noise(self.model, noise, seed=seed),
            preprocessing=self.preprocessing,
            labels=self.labels,
            preset=self.preset,
            metadata=self.metadata,
            engine=self.engine,
        )

    def _kept(self, picture: Picture) -> np.ndarray:
        """Return a large picture as the network sees it: hundreds may wait for their batch."""
        pixels = opaque_rgb(picture)
        height, width, _ = pixels.shape
        fits = (height, width) == (self.preprocessing.height_px, self.preprocessing.width_px)
        if fits or height * width <= SMALL_PX:
            return pixels
        return cast("np.ndarray", self._fit[3](pixels[None]).numpy()[0])

    def _fitted(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        fitted = np.empty((len(pixels), *self.preprocessing.input_shape), np.float32)
        for places, stack in stacks(pixels):
            done = stack.dtype == np.float32
            fitted[places] = stack if done else self._fit[stack.shape[-1]](stack)
        return fitted

    def prepared(self, source: ImageSource, *, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
        """Return what the network sees of a picture: (H, W, C) uint8, before scaling."""
        fitted = self._fit[3](opaque_rgb(read_image(source, limits=limits))[None]).numpy()[0]
        return cast("np.ndarray", np.round(fitted * 255).astype(np.uint8))

    def fit(
        self,
        data: LabelledImages | str | os.PathLike[str],
        *,
        epochs: int = 20,
        batch_size: int = 32,
        peak_rate: float = 1e-3,
        augment: Augmentation | None = None,
        seed: int = 0,
        name: str = "fitted",
        folder: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> ImageClassification:
        """Return a new classifier for the data's classes, started from this one's weights.

        This one stays as it is. Layers whose shapes differ (the last, for another number of
        classes) start at random.

        Args:
            data: Labelled pictures, or what `load_data` takes (its train split), such as a folder
                with a folder of pictures for each class.
            epochs: Passes over the data.
            batch_size: Pictures a step; fewer when there are fewer.
            peak_rate: Highest learning rate.
            augment: Random changes; a little shift, rotation and scale when None.
            seed: Determines new weights, order and changes.
            name: The new classifier's preset name.
            folder: Where log and checkpoint are kept, if anywhere.
            progress: Whether to print a line an epoch on standard error.

        Raises:
            ImageError: A picture cannot be read.
            DataError: There is nothing to learn from.
        """
        from pipelines.classification.fine_tuning import fit_classifier

        if not isinstance(data, LabelledImages):
            data = load_data(data, "train")
        return fit_classifier(
            self,
            data,
            epochs=epochs,
            batch_size=batch_size,
            peak_rate=peak_rate,
            augment=augment,
            seed=seed,
            name=name,
            folder=folder,
            progress=progress,
        )

    def fitted_pictures(self, images: Any) -> np.ndarray:
        """Return all pictures as the network sees them, (N, H, W, C) uint8 without the margin."""
        margin = self.preprocessing.margin_px
        height, width, _ = self.preprocessing.input_shape
        out: list[np.ndarray] = []
        chunk: list[np.ndarray] = []

        def take() -> None:
            whole = self._fitted(chunk)
            inner = whole[:, margin : height - margin, margin : width - margin]
            out.append(np.round(inner * 255).astype(np.uint8))
            chunk.clear()

        for _, item in self._read(images, DEFAULT_LIMITS):
            if isinstance(item, Exception):
                raise item
            chunk.append(item)
            if len(chunk) == AT_ONCE:
                take()
        if chunk:
            take()
        return np.concatenate(out)

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        metadata: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write a preset folder that `from_preset` loads, and return its path.

        Args:
            folder: Where; its name becomes the preset's.
            metadata: Statements added to what is known: title, licence, data, metrics, ...
            overwrite: Whether an existing preset may be replaced.

        Raises:
            FileExistsError: The folder exists and may not be replaced.
        """
        name, network = Path(folder).name, self._engine.network
        known = {**self.metadata, **(metadata or {}), "labels": list(self.labels)}
        stated = stated_metadata(name, network, known)
        options = {
            "classes": len(self.labels),
            "input_shape": list(self.preprocessing.input_shape),
        }
        pixel_map = self.preprocessing.pixel_map
        return save_preset(
            folder,
            model=network,
            config={"task": TASK, "model": network.name, "options": options},
            preprocessor=self.preprocessing.to_dict(),
            metadata=stated,
            card=card(name, network.name, stated),
            overwrite=overwrite,
            pixel_map=None if pixel_map is None else pixel_map.to_array(),
        )

    def export(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a SavedModel with the preprocessing inside to `folder/1/` and return `folder`."""
        return export_classifier(
            folder,
            network=self._engine.network,
            preprocessing=self.preprocessing,
            labels=self.labels,
            preset=self.preset,
            metadata=self.metadata,
            overwrite=overwrite,
        )
