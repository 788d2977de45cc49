"""Sightsound: the Keras toolkit for pictures and sound.

    import sightsound as ss

    result = ss.pipeline("image-classification")("seven.png")
    result.label, result.score

Importing the package costs nothing: every name below is fetched from its home when it is first
asked for (PEP 562), so that neither NumPy nor TensorFlow starts before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.arithmetic import conv_output
    from models.catalog import create_model, features, list_models, model_info
    from models.explain import explain
    from models.noise import Noise
    from pipelines import evaluate, list_presets, load_exported, pipeline
    from pipelines.audio import AudioError
    from pipelines.audio_generation.pipeline import AudioGeneration
    from pipelines.audio_results import GeneratedAudio, ScoredAudio
    from pipelines.classification.ensemble import Ensemble
    from pipelines.classification.own_pictures import train_own
    from pipelines.classification.pipeline import ImageClassification
    from pipelines.images import ImageError
    from pipelines.inpainting.pipeline import Inpainting
    from pipelines.inpainting_results import InpaintedImage
    from pipelines.preprocessing import ImagePreprocessing
    from pipelines.presets import PresetError
    from pipelines.recipes import recipe, train_recipe
    from pipelines.results import (
        ClassificationResult,
        FailedResult,
        Prediction,
        Result,
        SampledResult,
        UpscaledImage,
    )
    from pipelines.super_resolution.pipeline import SuperResolution
    from pipelines.training.augmentation import Augmentation
    from pipelines.training.plan import TrainingPlan
    from pipelines.training.schedules import Schedule

    __version__: str

__all__ = [
    "AudioError",
    "AudioGeneration",
    "Augmentation",
    "ClassificationResult",
    "Ensemble",
    "FailedResult",
    "GeneratedAudio",
    "ImageClassification",
    "ImageError",
    "ImagePreprocessing",
    "InpaintedImage",
    "Inpainting",
    "Noise",
    "Prediction",
    "PresetError",
    "Result",
    "SampledResult",
    "Schedule",
    "ScoredAudio",
    "SuperResolution",
    "TrainingPlan",
    "UpscaledImage",
    "__version__",
    "conv_output",
    "create_model",
    "evaluate",
    "explain",
    "features",
    "list_models",
    "list_presets",
    "load_exported",
    "model_info",
    "pipeline",
    "recipe",
    "train_own",
    "train_recipe",
]


def __getattr__(name: str) -> object:
    """Return a public name from its home, which is imported now."""
    match name:
        case "__version__":
            return _version()
        case "create_model" | "features" | "list_models" | "model_info":
            from models import catalog

            return getattr(catalog, name)
        case "conv_output":
            from models.arithmetic import conv_output

            return conv_output
        case "explain":
            from models.explain import explain

            return explain
        case "Noise":
            from models.noise import Noise

            return Noise
        case "evaluate" | "list_presets" | "load_exported" | "pipeline":
            import pipelines

            return getattr(pipelines, name)
        case "ImageClassification":
            from pipelines.classification.pipeline import ImageClassification

            return ImageClassification
        case "SuperResolution":
            from pipelines.super_resolution.pipeline import SuperResolution

            return SuperResolution
        case "Inpainting":
            from pipelines.inpainting.pipeline import Inpainting

            return Inpainting
        case "AudioGeneration":
            from pipelines.audio_generation.compiled_cache import keep_compiled

            keep_compiled()  # before TensorFlow does anything, or it has no effect
            from pipelines.audio_generation.pipeline import AudioGeneration

            return AudioGeneration
        case "Ensemble":
            from pipelines.classification.ensemble import Ensemble

            return Ensemble
        case "recipe" | "train_recipe":
            from pipelines import recipes

            return getattr(recipes, name)
        case "train_own":
            from pipelines.classification.own_pictures import train_own

            return train_own
        case "Augmentation":
            from pipelines.training.augmentation import Augmentation

            return Augmentation
        case "TrainingPlan":
            from pipelines.training.plan import TrainingPlan

            return TrainingPlan
        case "Schedule":
            from pipelines.training.schedules import Schedule

            return Schedule
        case "ImagePreprocessing":
            from pipelines.preprocessing import ImagePreprocessing

            return ImagePreprocessing
        case "ImageError":
            from pipelines.images import ImageError

            return ImageError
        case "AudioError":
            from pipelines.audio import AudioError

            return AudioError
        case "PresetError":
            from pipelines.presets import PresetError

            return PresetError
        case (
            "ClassificationResult"
            | "FailedResult"
            | "Prediction"
            | "Result"
            | "SampledResult"
            | "UpscaledImage"
        ):
            from pipelines import results

            return getattr(results, name)
        case "InpaintedImage":
            from pipelines.inpainting_results import InpaintedImage

            return InpaintedImage
        case "GeneratedAudio" | "ScoredAudio":
            from pipelines import audio_results

            return getattr(audio_results, name)
    raise AttributeError(f"module 'sightsound' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    """Return the installed version; in a bare checkout, the one that pyproject.toml states."""
    from importlib import metadata

    try:
        return metadata.version("sightsound")
    except metadata.PackageNotFoundError:
        import tomllib
        from pathlib import Path

        pyproject = Path(__file__).parent.parent / "pyproject.toml"
        return str(tomllib.loads(pyproject.read_text("utf-8"))["project"]["version"])
