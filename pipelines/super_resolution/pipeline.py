"""Super-resolution: photographs in, two, three or four times as large out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.spec import SCALES
from pipelines.engines import Engine
from pipelines.preset_card import card, stated_metadata
from pipelines.presets import Preset, PresetError, load_preset, save_preset
from pipelines.super_resolution.export import TASK, export_upscaler
from pipelines.super_resolution.graph import COLOURS, Colour
from pipelines.super_resolution.picture_upscaler import PictureUpscaler
from pipelines.super_resolution.subpixel import with_plain_convolutions
from pipelines.super_resolution.tiling import look_at
from pipelines.super_resolution.upscaler import Upscaler

if TYPE_CHECKING:
    import keras


class SuperResolution(PictureUpscaler):
    """A network that enlarges pictures, called as every `PictureUpscaler` is."""

    def __init__(
        self,
        model: keras.Model,
        *,
        scale: int,
        colour: Colour | None = None,
        preset: str = "unnamed",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Take a network that maps images (B, H, W, C) in [0, 1] to (B, sH, sW, C), any H and W.

        One that maps them to (B, H, W, C) is given what bicubic interpolation has enlarged.

        Args:
            model: The network.
            scale: How many times larger, along each side: 2, 3 or 4.
            colour: What it maps: "luma" (of BT.601, 16 to 235) or "rgb"; what fits its number of
                channels when None.
            preset: What results call it.
            metadata: What is known of it.

        Raises:
            ValueError: They do not fit together.
        """
        if colour is None:
            colour = "luma" if model.input_shape[-1] == 1 else "rgb"
        self._model = model
        self._engine = Engine("tensorflow", with_plain_convolutions(model))
        upscaler = Upscaler(self._engine, *look_at(model, scale, colour))
        super().__init__(upscaler, preset, dict(metadata or {}))

    @property
    def model(self) -> keras.Model:
        """The network.

        Results follow when its weights change: who has asked for it may change them, so from then
        on each call looks whether they are the same.
        """
        self._engine.watched = True
        return self._model

    @classmethod
    def from_preset(
        cls, name: str | os.PathLike[str], *, scale: int | None = None, offline: bool = False
    ) -> SuperResolution:
        """Return the pipeline of a preset: shipped, a folder, or `hf://owner/name`.

        Args:
            name: Which.
            scale: What it must enlarge by; the preset's own when None.
            offline: Use caches only; never the network.

        Raises:
            PresetError: Unknown, damaged, or made for another task or scale.
        """
        preset = load_preset(name, offline=offline)
        if preset.task != TASK:
            raise PresetError(f"preset {preset.name!r} must be for {TASK}; it is for {preset.task}")
        own, colour = _preprocessor(preset)
        if scale not in (None, own):
            raise PresetError(
                f"preset {preset.name!r} enlarges {own} times; got scale={scale!r}; leave one of "
                "the two out"
            )
        try:
            pipeline = cls(
                preset.build(),
                scale=own,
                colour=colour,
                preset=preset.name,
                metadata=preset.metadata,
            )
        except PresetError:
            raise
        except ValueError as error:
            raise PresetError(f"preset {preset.name!r}: {error}") from error
        pipeline._engine.watched = False  # nobody else has the network
        return pipeline

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
        name, network = Path(folder).name, self._model
        stated = stated_metadata(name, network, {**self.metadata, **(metadata or {})})
        options = {"scale": self.scale, "input_shape": list(network.input_shape[1:])}
        return save_preset(
            folder,
            model=network,
            config={"task": TASK, "model": network.name, "options": options},
            preprocessor={"scale": self.scale, "colour": self.colour},
            metadata=stated,
            card=card(name, network.name, stated),
            overwrite=overwrite,
        )

    def export(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a SavedModel that does all of it to `folder/1/`, and return `folder`.

        Raises:
            FileExistsError: `folder/1` exists and may not be replaced.
        """
        return export_upscaler(
            folder,
            network=self._engine.network,
            enlargement=self._upscaler.enlargement,
            needs=self._upscaler.needs,
            preset=self.preset,
            metadata=self.metadata,
            overwrite=overwrite,
        )


def _preprocessor(preset: Preset) -> tuple[int, Colour]:
    """Return a preset's scale and colour.

    Raises:
        PresetError: They are missing or unknown.
    """
    stated = dict(preset.preprocessor)
    scale, colour = stated.pop("scale", None), stated.pop("colour", None)
    if stated or scale not in SCALES or colour not in COLOURS:
        raise PresetError(
            f"preset {preset.name!r}: its preprocessor must state a scale of 2, 3 or 4, and a "
            f"colour, {' or '.join(COLOURS)}, and no more; got {dict(preset.preprocessor)!r:.80}"
        )
    return scale, colour
