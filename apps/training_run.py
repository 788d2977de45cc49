"""What a training's own process runs; `apps.jobs` says how it is talked to.

    python -m apps.training_run    # then, on standard input, the job's folder

A job's folder holds the wish, the run (`pipelines.training.run_folder`) and, in the end, the
preset, the same as a zip file, and pictures of the mistakes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.jobs import FAILURE, SAID_TO_STOP
from apps.training_wish import UPLOADED, Wish

if TYPE_CHECKING:
    from pipelines.classification.data import LabelledImages
    from pipelines.classification.pipeline import ImageClassification
    from pipelines.classification.recipes import Recipe
    from pipelines.preprocessing import ImagePreprocessing
    from pipelines.training.plan import TrainingPlan
    from pipelines.training.progress import Monitor, Progress

BELOW_THE_PAGES = 5  # niceness: a third of a page's share of a busy core
ORPHAN_S = 5.0  # for a process whose server has gone to keep what it has
CHECKPOINT_EVERY_S = 5.0  # what a stop may lose, where the last step takes longer than it may
DATA_FOLDER = "SIGHTSOUND_DATA"  # where named sets lie on the server's disk; else Keras's cache
PRESET, ARCHIVE, MISTAKES, FITTED = "trained", "trained.zip", "mistakes", "fitted"
MISTAKES_SHOWN = 12
LEFT_OUT_SHOWN = 20

Tell = Callable[..., None]  # keys and values of the report


def main() -> int:
    """Do one job, and return the exit status."""
    channel, sys.stdout = sys.stdout, sys.stderr  # Keras prints on the latter
    with suppress(AttributeError, OSError):  # not everywhere
        os.nice(BELOW_THE_PAGES)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # What takes time, before the job is there.
    import apps.training_recipe  # noqa: F401
    import pipelines.classification.network_training
    import pipelines.classification.picture_cache  # noqa: F401

    with open(0, "rb", buffering=0, closefd=False) as orders:
        folder = Path(os.fsdecode(orders.readline().rstrip(b"\n")))
    if not folder.name:
        return SAID_TO_STOP
    stop = threading.Event()
    threading.Thread(target=_await_end, args=(stop,), daemon=True).start()

    def tell(**said: Any) -> None:
        channel.write(json.dumps(said) + "\n")
        channel.flush()

    return run(folder, tell, stop.is_set)


def _await_end(stop: threading.Event) -> None:
    """Note that standard input has ended; end the process, should it not do so itself."""
    while os.read(0, 1):
        pass
    stop.set()
    time.sleep(ORPHAN_S)
    os._exit(SAID_TO_STOP)


def run(folder: Path, tell: Tell, is_to_stop: Callable[[], bool]) -> int:
    """Train what the folder's wish says, and return the exit status; failures are told in words."""
    from pipelines.training.stopping import TrainingError, TrainingStopped

    try:
        train(Wish.read(folder), folder, tell, is_to_stop)
    except (TrainingStopped, BrokenPipeError):  # told to, or nobody listens any more
        return SAID_TO_STOP
    except (TrainingError, ValueError) as error:
        tell(**{FAILURE: str(error).replace(f"{folder}{os.sep}", "")})
        return 1
    except MemoryError:
        tell(**{FAILURE: "the server has not enough memory for this; take fewer pictures"})
        return 1
    except OSError as error:
        traceback.print_exc()
        tell(**{FAILURE: f"the server could not keep its files: {error.strerror}"})
        return 1
    except Exception:
        traceback.print_exc()
        tell(**{FAILURE: "something went wrong on the server; its log tells what"})
        return 1
    return 0


def train(wish: Wish, folder: Path, tell: Tell, is_to_stop: Callable[[], bool]) -> None:
    """Train, measure, and write the preset; a run that was stopped goes on."""
    from apps.training_recipe import changes_of, command_line
    from pipelines.classification.pipeline import ImageClassification

    tell(phase="Reading the data")
    recipe, training, held_out, left_out = _load(wish, folder, lambda phase: tell(phase=phase))
    if left_out:
        tell(left_out=left_out[:LEFT_OUT_SHOWN], left_out_count=len(left_out))
    changes = changes_of(wish, recipe, len(training))
    recipe = replace(recipe, plan=recipe.plan.changed(**changes))
    command = command_line(wish, changes)
    if not (folder / PRESET).is_dir():
        classifier = _fit(recipe, wish.seed, folder, (training, held_out), tell, is_to_stop)
        tell(phase="Writing the preset")
        facts = {
            "title": f"{recipe.model} on {training.name}",
            "description": f"Trained on the page Training: {_sentence(recipe.plan, wish.seed)}."
            + (f" The same: `{command}`." if command else ""),
            "data": f"{training.name}, {len(training):,} pictures",
            "licence": f"data: {recipe.licence}",
        }
        classifier.save(folder / PRESET, metadata=facts)
    tell(phase="Measuring on the held-out pictures")
    _measure(ImageClassification.from_preset(folder / PRESET), held_out, folder, tell)
    shutil.make_archive(str(folder / PRESET), "zip", folder, PRESET)
    tell(command=command)


def _load(
    wish: Wish, folder: Path, tell: Callable[[str], None]
) -> tuple[Recipe, LabelledImages, LabelledImages, list[str]]:
    """Return the recipe, the pictures to train on and those held out, and what was left out."""
    from apps.training_recipe import named_recipe, uploaded_recipe
    from apps.uploaded_sets import load_upload
    from pipelines.classification.data import load_data

    if wish.data == UPLOADED:
        training, held_out, left_out = load_upload(folder / UPLOADED, folder, tell)
        return uploaded_recipe(wish, training), training, held_out, left_out
    recipe = named_recipe(wish.data, wish.network)
    place = os.environ.get(DATA_FOLDER)
    parted = recipe.measured == "validation"
    training = load_data(wish.data, "train", folder=place, held_out=parted)
    return recipe, training, load_data(wish.data, recipe.measured, folder=place), []


def _fit(
    recipe: Recipe,
    seed: int,
    folder: Path,
    data: tuple[LabelledImages, LabelledImages],
    tell: Tell,
    is_to_stop: Callable[[], bool],
) -> ImageClassification:
    """Train the recipe's network, and return its classifier."""
    import keras

    from pipelines.classification.network_training import fit_network, make_network
    from pipelines.classification.picture_cache import cached_pictures

    preprocessing, classes = recipe.preprocessing, data[0].classes
    training, held_out = (
        cached_pictures(part, preprocessing, folder=folder / FITTED, name=name)
        for part, name in zip(data, ("train", "validation"), strict=True)
    )
    if recipe.standardise:
        preprocessing = preprocessing.standardised(recipe.standardise, training.images)
    tell(phase="Preparing the network")
    keras.utils.set_random_seed(seed)
    network = make_network(
        recipe.model,
        preprocessing,
        classes=len(classes),
        precision=recipe.plan.precision,
        initialisation=recipe.initialisation,
        noise=recipe.noise,
        seed=seed,
    )
    fit_network(
        network,
        preprocessing,
        training.images,
        training.labels,
        plan=recipe.plan,
        augment=recipe.augment,
        loss=recipe.criterion(),
        seed=seed,
        folder=folder,
        validation=(held_out.images, held_out.labels),
        monitor=_monitor(tell, is_to_stop),
        facts={"network": recipe.model, "data": recipe.data},
        checkpoint_every_s=CHECKPOINT_EVERY_S,
    )
    return _classifier(recipe.model, network.get_weights(), preprocessing, classes)


def _classifier(
    name: str, weights: list[Any], preprocessing: ImagePreprocessing, labels: Sequence[str]
) -> ImageClassification:
    """Return a classifier that computes in float32, whatever it was trained in."""
    from models.catalog import create_model
    from pipelines.classification.pipeline import ImageClassification

    network = create_model(name, classes=len(labels), input_shape=preprocessing.input_shape)
    network.set_weights(weights)
    return ImageClassification(network, preprocessing=preprocessing, labels=labels, preset=PRESET)


def _monitor(tell: Tell, is_to_stop: Callable[[], bool]) -> Monitor:
    """Return what tells the visitor how far the training is, and stops it when told to."""
    reported = -1

    def monitor(progress: Progress) -> bool:
        nonlocal reported
        if reported != len(progress.rows):
            reported = len(progress.rows)
            tell(rows=list(progress.rows))
        names = ("epoch", "epochs", "step", "steps", "running", "seconds_left")
        tell(phase="Training", progress={name: getattr(progress, name) for name in names})
        return is_to_stop()

    return monitor


def _measure(
    classifier: ImageClassification, held_out: LabelledImages, folder: Path, tell: Tell
) -> None:
    """Tell the figures on the held-out pictures, and draw the most confident mistakes."""
    measured = classifier.evaluate(held_out)
    shown = []
    place = folder / MISTAKES
    place.mkdir(exist_ok=True)
    for number, (source, true, predicted, score) in enumerate(measured.mistakes[:MISTAKES_SHOWN]):
        name = f"{number:02}.png"
        _draw(classifier.prepared(source), place / name)
        labels = measured.classes[true], measured.classes[predicted]
        shown.append({"picture": name, "true": labels[0], "said": labels[1], "score": score})
    tell(
        result={
            "accuracy": measured.accuracy,
            "count": measured.count,
            "wrong": len(measured.mistakes),
            "per_class": {name: row["recall"] for name, row in measured.per_class.items()},
            "parameters": int(classifier.model.count_params()),
        },
        mistakes=shown,
    )


def _draw(pixels: Any, path: Path, side_px: int = 176) -> None:
    from PIL import Image

    picture = Image.fromarray(pixels.squeeze())
    picture.resize((side_px, side_px), Image.Resampling.NEAREST).save(path)


def _sentence(plan: TrainingPlan, seed: int) -> str:
    return (
        f"{plan.epochs} epochs, batches of {plan.batch_size}, peak rate {plan.peak_rate:g}, "
        f"{plan.schedule.kind} schedule, seed {seed}"
    )


if __name__ == "__main__":
    sys.exit(main())
