"""Ray Train's workers: real ones, on this machine, one of which is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.distributed.train_small import FIRST_CHECKPOINT, train

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from functools import partial
from pathlib import Path
from pipelines.training.ray_training import train_with_ray
from tests.distributed.train_small import rejoin

folder = Path(sys.argv[1])
train_with_ray(partial(rejoin, folder), storage=folder / "notes", restarts=1)
"""


@pytest.mark.slow
def test_ray_starts_a_killed_worker_again_and_the_run_ends_as_undisturbed(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        timeout=280,
    )
    first, second = (dict(np.load(tmp_path / f"ray_{index}.npz")) for index in range(2))
    expected = train("sgd", tf.distribute.get_strategy())
    assert set(first) == set(second) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        # Floats are added in another order; 75 steps of SGD keep the difference of that size.
        np.testing.assert_allclose(first[name], values, rtol=0, atol=1e-5, err_msg=name)
    lines = (tmp_path / "began_1.txt").read_text().splitlines()
    begun = [json.loads(line) for line in lines]
    assert begun[0]["killed"] > 0
    assert [part["at"] >= FIRST_CHECKPOINT for part in begun] == [False, True]
