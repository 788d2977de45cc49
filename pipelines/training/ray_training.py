"""A training as workers of Ray Train, on this machine or a cluster (the extra `scale`).

Ray places the workers, tells each where the others are (TF_CONFIG), and starts all again when one
was lost; what they run is the same training under the same multi-worker strategy, which goes on
from its checkpoint. On several machines the run's folder must be one that all of them see.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOCAL_STORE_BYTES = (
    100_000_000  # Ray would set 30 % of the memory aside; a training puts nothing in
)
MISSING = "training with Ray needs the extra 'scale': pip install 'sightsound[scale]'"


def train_with_ray(
    train: Callable[[], Any],
    *,
    workers: int = 2,
    restarts: int = 3,
    gpu: bool = False,
    storage: str | os.PathLike[str],
    name: str = "sightsound",
) -> None:
    """Run `train` in each of several Ray workers, all again when one was lost.

    A Ray that runs already, or that RAY_ADDRESS names, is used; else one is started for this.

    Args:
        train: Opens the strategy `multiworker` and trains under it. Ray pickles it: a function of a
            module, or a partial of one.
        workers: How many.
        restarts: How often all may start again.
        gpu: Whether each worker needs a GPU.
        storage: Where Ray keeps its own notes of the run.
        name: The run's name in them.

    Raises:
        ImportError: Ray is not installed.
        RuntimeError: A worker failed too often, or in a way that the next would, too.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    try:
        import ray
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.tensorflow import TensorflowTrainer
    except ImportError as error:
        raise ImportError(MISSING) from error

    ours = not ray.is_initialized()
    if ours and os.environ.get("RAY_ADDRESS"):
        ray.init()
    elif ours:
        ray.init(
            num_cpus=workers,
            include_dashboard=False,
            object_store_memory=LOCAL_STORE_BYTES,
            _node_ip_address="127.0.0.1",
        )
    try:
        TensorflowTrainer(
            train,
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu),
            run_config=RunConfig(
                name=name,
                storage_path=str(Path(storage).resolve()),
                failure_config=FailureConfig(max_failures=restarts),
            ),
        ).fit()
    finally:
        if ours:
            ray.shutdown()
