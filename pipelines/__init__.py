"""Tasks: read, prepare, run a network, return a result; train, evaluate, export.

Which tasks there are is in the table below and nowhere else: `pipeline` makes a task's pipeline by
name, `load_exported` opens what it exported, `list_presets` and `load_preset` know all its presets.
Tasks build on the modules beside this file, and import nothing from here. Importing this package
loads nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from models.spec import SCALES
from models.words import suggest
from pipelines import presets
from pipelines.audio_generation.compiled_cache import keep_compiled
from pipelines.export import CARD, ExportError, read_card
from pipelines.presets import Download, Preset

Name = str | os.PathLike[str]

DEFAULT_CLASSIFIER = "lenet_modern_mnist"
OPENING = ("scale", "offline", "engine")  # options of a pipeline, not of its evaluation
DEFAULT_UPSCALERS = {scale: f"sesr_c32_x{scale}" for scale in SCALES}
DEFAULT_INPAINTER = "inpaint_gated"
DEFAULT_GENERATOR, DEFAULT_VOCODER = "wavenet_digits", "wavenet_vocoder"


def _image_classification(preset: Name | Sequence[Name] | None, **options: Any) -> Any:
    if preset is None:
        preset = DEFAULT_CLASSIFIER
    if isinstance(preset, Sequence) and not isinstance(preset, str):
        from pipelines.classification.ensemble import Ensemble

        return Ensemble.from_presets(preset, **options)
    from pipelines.classification.pipeline import ImageClassification

    return ImageClassification.from_preset(preset, **options)


def _exported_classifier(folder: Name) -> Any:
    from pipelines.classification.export import ExportedClassifier

    return ExportedClassifier(folder)


def _super_resolution(preset: Name | None, *, scale: int | None = None, **options: Any) -> Any:
    if scale not in (None, *SCALES):
        raise ValueError(f"scale must be 2, 3 or 4; got {scale!r}")
    from pipelines.super_resolution.pipeline import SuperResolution

    name = DEFAULT_UPSCALERS[scale or SCALES[0]] if preset is None else preset
    return SuperResolution.from_preset(name, scale=scale, **options)


def _exported_upscaler(folder: Name) -> Any:
    from pipelines.super_resolution.export import ExportedUpscaler

    return ExportedUpscaler(folder)


def _inpainting(preset: Name | None, *, method: str = "auto", **options: Any) -> Any:
    """Open a preset; for a classical method none is needed, and none is opened unasked."""
    from pipelines.inpainting.filler import AUTO, NETWORK
    from pipelines.inpainting.pipeline import Inpainting

    if preset is None and method in (AUTO, NETWORK):
        preset = DEFAULT_INPAINTER
    return Inpainting.from_preset(preset, method=method, **options)


def _exported_inpainter(folder: Name) -> Any:
    from pipelines.inpainting.export import ExportedInpainter

    return ExportedInpainter(folder)


def _audio_generation(preset: Name | None, **options: Any) -> Any:
    from pipelines.audio_generation.pipeline import AudioGeneration

    return AudioGeneration.from_preset(DEFAULT_GENERATOR if preset is None else preset, **options)


def _exported_generator(folder: Name) -> Any:
    from pipelines.audio_generation.export import ExportedGenerator

    return ExportedGenerator(folder)


def _imagenet_presets() -> Mapping[str, Download]:
    from pipelines.classification.imagenet import DOWNLOADS

    return DOWNLOADS


@dataclass(frozen=True)
class Task:
    """What there is of a task.

    Attributes:
        default_preset: Its own preset.
        open: Makes a pipeline of any of its presets; of its own when None.
        load_exported: Makes one of what its pipelines export.
        downloads: Its presets without a folder, which are downloaded when they are first used.
    """

    default_preset: str
    open: Callable[..., Any]
    load_exported: Callable[[Name], Any]
    downloads: Callable[[], Mapping[str, Download]] = dict


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "image-classification": Task(
            DEFAULT_CLASSIFIER, _image_classification, _exported_classifier, _imagenet_presets
        ),
        "super-resolution": Task(
            DEFAULT_UPSCALERS[SCALES[0]], _super_resolution, _exported_upscaler
        ),
        "inpainting": Task(DEFAULT_INPAINTER, _inpainting, _exported_inpainter),
        "audio-generation": Task(DEFAULT_GENERATOR, _audio_generation, _exported_generator),
    }
)


def pipeline(task: str, preset: Name | Sequence[Name] | None = None, **options: Any) -> Any:
    """Return the pipeline of a task, ready to be called.

    Args:
        task: One of `TASKS`, such as "image-classification".
        preset: A shipped preset's name, a folder, or `hf://owner/name`; the task's own when None;
            several classifiers make an ensemble.
        **options: What the task's `from_preset` takes besides, such as `offline=True`, or
            `scale=3` of super-resolution, which has a preset of its own for each scale, or
            `method="telea"` of inpainting, whose classical methods need none.

    Raises:
        ValueError: Unknown task or preset; the message names the nearest.
        TypeError: An option that the task does not have.
    """
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; {suggest(task, TASKS)}")
    keep_compiled()  # before TensorFlow does anything, for any task: later it has no effect
    return TASKS[task].open(preset, **options)


def evaluate(
    task: str, data: Any, preset: Name | Sequence[Name] | None = None, **options: Any
) -> Any:
    """Measure a preset on data, and return the report.

    Args:
        task: One of `TASKS`.
        data: What the task's `evaluate` takes: a set's name, such as "digits" or "set5", a folder,
            or the data.
        preset: As `pipeline` takes it.
        **options: What the task's `from_preset` and `evaluate` take besides, such as `scale=3`, or
            `folder=`, where a named set of super-resolution lies.

    Raises:
        ValueError: As `pipeline` and the task's `evaluate` do.
        TypeError: An option that the task does not have.
    """
    opening = {name: options.pop(name) for name in OPENING if name in options}
    return pipeline(task, preset, **opening).evaluate(data, **options)


def load_exported(folder: Name) -> Any:
    """Return what a pipeline's `export` wrote, ready to be called as that pipeline is.

    Neither Keras nor the network's code is needed. A SavedModel is a program: load only what you
    trust.

    Args:
        folder: What was given to `export`, or its `1`; it may have been moved.

    Raises:
        ExportError: It is something else.
    """
    task = read_card(folder)["task"]
    if task not in TASKS:
        raise ExportError(f"{CARD.name} must state one of the tasks {sorted(TASKS)}; got {task!r}")
    keep_compiled()
    return TASKS[task].load_exported(folder)


def list_presets(task: str | None = None, *, downloadable: bool = False) -> list[str]:
    """Return the names of the presets that ship with the package, sorted.

    With `downloadable`, return those whose weights are fetched when they are first used.
    """
    if not downloadable:
        return presets.list_presets(task)
    return sorted(
        name for its, entry in TASKS.items() if task in (None, its) for name in entry.downloads()
    )


def load_preset(name: Name, *, offline: bool = False) -> Preset:
    """Find a preset of any task, check every file of it, and return it.

    Args:
        name: A shipped or downloadable preset's name, a folder, or `hf://owner/name` on the
            Hugging Face hub.
        offline: Use caches only; never the network.

    Raises:
        PresetError: No such preset (the nearest is named), or a file is missing or damaged.
    """
    downloads = {key: get for task in TASKS.values() for key, get in task.downloads().items()}
    return presets.load_preset(name, offline=offline, downloads=downloads)
