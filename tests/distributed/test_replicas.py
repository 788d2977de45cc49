"""Two workers, two devices and one device train alike; and a worker that is killed comes back.

The processes are real; they run `train_small.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.training.launcher import launch

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, str(Path(__file__).with_name("train_small.py"))]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
TIMEOUT_S = 280  # seconds of processor time: about 25 a process

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def devices(tmp_path_factory) -> dict[str, np.ndarray]:
    """What one process got: on one device, and on two mirrored ones."""
    folder = tmp_path_factory.mktemp("devices")
    subprocess.run(
        [*PROGRAM, "mirrored", str(folder)],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        check=True,
        timeout=TIMEOUT_S,
    )
    return dict(np.load(folder / "mirrored_0.npz"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of two workers; the second was killed at a random step, and both came back."""
    folder: Path = tmp_path_factory.mktemp("workers")
    command = [*PROGRAM, "multiworker", str(folder), "kill"]
    statuses = launch(command, timeout_s=TIMEOUT_S, restarts=1, environment=ENVIRONMENT)
    assert statuses == [0, 0]
    return folder


@pytest.fixture(scope="module")
def workers(folder: Path) -> list[dict[str, np.ndarray]]:
    """What each worker got."""
    return [dict(np.load(folder / f"multiworker_{i}.npz")) for i in range(2)]


def part(results: dict[str, np.ndarray], job: str) -> dict[str, np.ndarray]:
    head = f"{job}/"
    found = {name[len(head) :]: v for name, v in results.items() if name.startswith(head)}
    assert found, job
    return found


def assert_alike(got: dict[str, np.ndarray], expected: dict[str, np.ndarray], atol: float) -> None:
    assert set(got) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, rtol=0, atol=atol, err_msg=name)


def assert_went_on_to_the_same(got: dict[str, np.ndarray], whole: dict[str, np.ndarray]) -> None:
    """The weights bit for bit; what was counted of an epoch that was interrupted, to rounding."""
    for name in ("loss", "accuracy"):
        # What replicas have counted so far is divided among them anew: added in another order.
        np.testing.assert_allclose(got.pop(name), whole.pop(name), rtol=1e-6)
    assert_alike(got, whole, 0.0)


# Floats are added in another order; 75 steps of SGD keep the difference of that size.
SGD_ATOL = 1e-5
# AdamW and Muon divide by the size of gradients, and so make rounding errors larger.
ADAPTIVE_ATOL = 1e-4
# Float16 has 11 bits: 1 part in 2,048 an operation, and a loss is near 2.
HALF_ATOL = 5e-3


@pytest.mark.parametrize(
    ("job", "atol"),
    [
        ("sgd", SGD_ATOL),
        ("keras", SGD_ATOL),
        ("adamw", ADAPTIVE_ATOL),
        ("muon", ADAPTIVE_ATOL),
        ("half", HALF_ATOL),
    ],
)
def test_two_mirrored_devices_train_as_one(devices, job: str, atol: float) -> None:
    assert_alike(part(devices, job), part(devices, f"one/{job}"), atol)


@pytest.mark.parametrize(
    ("job", "atol"),
    [
        ("sgd", SGD_ATOL),
        ("keras", SGD_ATOL),
        ("adamw", ADAPTIVE_ATOL),
        ("muon", ADAPTIVE_ATOL),
        ("half", HALF_ATOL),
    ],
)
def test_two_workers_train_as_one_process(workers, devices, job: str, atol: float) -> None:
    for worker in workers:
        assert_alike(part(worker, job), part(devices, f"one/{job}"), atol)


@pytest.mark.parametrize("job", ["sgd", "keras", "adamw", "muon", "half"])
def test_both_workers_have_the_same_weights(workers, job: str) -> None:
    first, second = (part(worker, job) for worker in workers)
    assert_alike(second, first, 0.0)


def test_a_killed_worker_comes_back_and_the_run_ends_as_undisturbed(folder: Path, workers) -> None:
    for worker in workers:
        assert_went_on_to_the_same(part(worker, "rejoined"), part(worker, "sgd"))
    assert_went_on(folder)


def assert_went_on(folder: Path) -> None:
    """Both began anew once, in the middle."""
    for index in range(2):
        text = (folder / f"began_{index}.txt").read_text()
        first, again = (json.loads(line) for line in text.splitlines())
        assert (first["at"], first["killed"] > 0) == (0, index == 1)
        assert 20 <= again["at"] < 75


def test_the_chief_alone_writes_and_leaves_no_checkpoint(folder: Path) -> None:
    names = {path.name for path in (folder / "killed").iterdir()}
    assert names == {"run.json", "log.csv", "best.npz", "tensorboard"}
    assert len(list((folder / "killed" / "tensorboard").iterdir())) <= 2  # a file a start


def test_a_stopped_run_goes_on_from_inside_an_epoch_bit_for_bit(devices, workers) -> None:
    for process in (devices, *workers):
        assert_went_on_to_the_same(part(process, "resumed"), part(process, "sgd"))


def test_callbacks_acted(workers) -> None:
    for worker in workers:
        kept = part(worker, "keras")
        assert len(kept["loss"]) == 3  # stopped after the second epoch without progress
        assert kept["learning_rate"][-1] < kept["learning_rate"][0]


def test_workers_tell_each_other_numbers_in_order(workers) -> None:
    for worker in workers:
        assert list(worker["together/index"]) == [0.0, 1.0]


def test_tensorflow_still_refuses_what_keras_asks(workers) -> None:
    """When this fails, `_AnswersKeras` may have become superfluous: see github issue 20585."""
    assert worker_refusals(workers) == {"structure": True, "number": True}


def worker_refusals(workers) -> dict[str, bool]:
    return {name: bool(value) for name, value in part(workers[0], "refused").items()}
