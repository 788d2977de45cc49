"""Inpainting: photographs with holes in, whole photographs out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.catalog import model_info
from models.spec import InpainterSpec
from pipelines.inpainting.export import TASK, export_inpainter
from pipelines.inpainting.filler import AUTO, NETWORK, Filler
from pipelines.inpainting.graph import as_network
from pipelines.inpainting.picture_inpainter import PictureInpainter
from pipelines.preset_card import card, stated_metadata
from pipelines.presets import PresetError, load_preset, save_preset

if TYPE_CHECKING:
    import keras

# What a preset's preprocessor states: the network is given what this fills.
PREPROCESSOR = {"first_fill": "harmonic"}
SHAPES = {"image": (None, None, None, 3), "mask": (None, None, None, 1)}


class Inpainting(PictureInpainter):
    """A network that fills holes, and the classical methods; called as every `PictureInpainter`.

    Without a network there are the classical methods alone, which need no preset.
    """

    def __init__(
        self,
        model: keras.Model | None = None,
        *,
        method: str = AUTO,
        stride: int | None = None,
        preset: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Take a network that fills holes in images of any size.

        It maps {"image": (B, H, W, 3) in [0, 1], "mask": (B, H, W, 1), 1 where to fill} to
        (B, H, W, 3), and is given images whose holes the first fill has filled.

        Args:
            model: The network, or None.
            method: What fills where a call does not say, see `__call__`.
            stride: What heights and widths must be multiples of; the catalog's when None.
            preset: What results call it.
            metadata: What is known of it.

        Raises:
            ValueError: The network does something else, or there is no such method.
        """
        self._model = model
        if model is not None:
            _check(model)
            stride = _stride(model) if stride is None else stride
            preset = preset or "unnamed"
        self._stride = stride or 1
        network = None if model is None else as_network(model)
        super().__init__(Filler(network, self._stride), method, preset, dict(metadata or {}))

    @property
    def model(self) -> keras.Model | None:
        """The network. Results follow when its weights change."""
        return self._model

    @classmethod
    def from_preset(
        cls,
        name: str | os.PathLike[str] | None,
        *,
        method: str = AUTO,
        offline: bool = False,
    ) -> Inpainting:
        """Return the pipeline of a preset: shipped, a folder, or `hf://owner/name`.

        Args:
            name: Which; None for none, where a classical method is enough.
            method: What fills where a call does not say.
            offline: Use caches only; never the network.

        Raises:
            PresetError: Unknown, damaged, or made for another task.
            ValueError: There is no such method, or it needs a preset.
        """
        if name is None:
            return cls(method=method)
        preset = load_preset(name, offline=offline)
        if preset.task != TASK:
            raise PresetError(f"preset {preset.name!r} must be for {TASK}; it is for {preset.task}")
        if preset.preprocessor != PREPROCESSOR:
            raise PresetError(
                f"preset {preset.name!r}: its preprocessor must be {PREPROCESSOR}; got "
                f"{dict(preset.preprocessor)!r:.80}"
            )
        model = preset.build()
        try:
            _check(model)
        except ValueError as error:
            raise PresetError(f"preset {preset.name!r}: {error}") from error
        return cls(model, method=method, preset=preset.name, metadata=preset.metadata)

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
            ValueError: There is no network.
        """
        stated = {**self.metadata, **(metadata or {})}
        return save_inpainter(folder, self._needed(), stated, overwrite=overwrite)

    def export(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a SavedModel that fills by the network to `folder/1/`, and return `folder`.

        Raises:
            FileExistsError: `folder/1` exists and may not be replaced.
            ValueError: There is no network, or the pipeline's method is another.
        """
        if self.method not in (AUTO, NETWORK):
            raise ValueError(
                f"an export fills by the network; the method must be {AUTO!r} or {NETWORK!r}; got "
                f"{self.method!r}"
            )
        return export_inpainter(
            folder,
            network=self._needed(),
            stride=self._stride,
            preset=self.preset,
            metadata=self.metadata,
            overwrite=overwrite,
        )

    def _needed(self) -> keras.Model:
        if self._model is None:
            raise ValueError("this needs a network, and there is none here; open a preset")
        return self._model


def save_inpainter(
    folder: str | os.PathLike[str],
    network: keras.Model,
    metadata: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> Path:
    """Write a network that fills holes as a preset folder; its images may have a fixed size.

    Raises:
        FileExistsError: The folder exists and may not be replaced.
    """
    name = Path(folder).name
    stated = stated_metadata(name, network, metadata)
    return save_preset(
        folder,
        model=network,
        config={"task": TASK, "model": network.name, "options": {}},
        preprocessor=PREPROCESSOR,
        metadata=stated,
        card=card(name, network.name, stated),
        overwrite=overwrite,
    )


def _check(model: keras.Model) -> None:
    """Refuse a network that is not called as the task calls it.

    Raises:
        ValueError: It is not.
    """
    found = {tensor.name: tuple(tensor.shape) for tensor in model.inputs}
    if found != SHAPES:
        raise ValueError(
            f"a network must take images of any size, {SHAPES}; {model.name} takes {found}"
        )
    if tuple(model.output_shape) != SHAPES["image"]:
        raise ValueError(
            f"a network must give images of any size, {SHAPES['image']}; {model.name} gives "
            f"{tuple(model.output_shape)}"
        )


def _stride(model: keras.Model) -> int:
    """Return what the catalog states of a network.

    Raises:
        ValueError: It is not in the catalog, or fills no holes.
    """
    spec = model_info(model.name).spec
    if not isinstance(spec, InpainterSpec):
        raise ValueError(f"{model.name} fills no holes; pass a network of inpainting")
    return spec.stride
