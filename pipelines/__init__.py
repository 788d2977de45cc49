"""Tasks: read, prepare, run a network, return a result; train, evaluate, export.

`pipeline` makes a task's pipeline by name. Importing this package loads nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from models.words import suggest

Preset = str | os.PathLike[str]


def _image_classification(preset: Preset | Sequence[Preset], **options: Any) -> Any:
    if isinstance(preset, Sequence) and not isinstance(preset, str):
        from pipelines.classification.ensemble import Ensemble

        return Ensemble.from_presets(preset, **options)
    from pipelines.classification.pipeline import ImageClassification

    return ImageClassification.from_preset(preset, **options)


@dataclass(frozen=True)
class Task:
    """A task's own preset, and what opens any of its presets."""

    default_preset: str
    open: Callable[..., Any]


TASKS: Mapping[str, Task] = MappingProxyType(
    {"image-classification": Task("lenet_modern_mnist", _image_classification)}
)


def pipeline(task: str, preset: Preset | Sequence[Preset] | None = None, **options: Any) -> Any:
    """Return the pipeline of a task, ready to be called.

    Args:
        task: One of `TASKS`, such as "image-classification".
        preset: A shipped preset's name, a folder, or `hf://owner/name`; the task's own when None;
            several classifiers make an ensemble.
        **options: What the task's `from_preset` takes besides, such as `offline=True`.

    Raises:
        ValueError: Unknown task or preset; the message names the nearest.
        TypeError: An option that the task does not have.
    """
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; {suggest(task, TASKS)}")
    chosen = TASKS[task].default_preset if preset is None else preset
    return TASKS[task].open(chosen, **options)
