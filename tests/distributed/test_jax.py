"""The other road to many devices: Keras's own distribution on JAX, here on virtual devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEVICES = 4
# Without optimising, XLA compiles in a fifth of the time.
FLAGS = (
    f"--xla_force_host_platform_device_count={DEVICES} --xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true"
)

# Runs in a process of its own: backend and devices are chosen when Keras is imported.
PROGRAM = """
import json
import keras
import numpy as np
from models.catalog import create_model

rng = np.random.default_rng(0)
x, y = rng.uniform(size=(64, 16, 16, 1)).astype("float32"), rng.integers(0, 10, 64)

def train():
    keras.utils.set_random_seed(2)
    model = create_model("lenet_micro", input_shape=(16, 16, 1), classes=10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    kept = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    kernel = model.trainable_variables[0].value
    return kept.history["loss"], len(kernel.sharding.device_set)

alone, one = train()
keras.distribution.set_distribution(keras.distribution.DataParallel())
together, several = train()
print(json.dumps({"alone": alone, "together": together, "one": one, "several": several}))
"""


@pytest.mark.slow
def test_several_devices_have_the_losses_of_one() -> None:
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": FLAGS,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=280,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["one"], found["several"]) == (1, DEVICES)
    # Float32, added in another order.
    np.testing.assert_allclose(found["together"], found["alone"], rtol=0, atol=1e-5)
