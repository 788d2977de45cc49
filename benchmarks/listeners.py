"""Listeners: small networks that hear which digit is said, or who says it.

They judge what `benchmarks/wavenet_samples.py` generates, and have never heard it: they learn from
real recordings alone, moved, made softer and noisier at random, so that neither place nor level nor
a little hiss tells anything. Whatever they hear, real or generated, is prepared alike: one second,
its peak at -1 dB, in the 256 levels of the mu-law, as log-mel.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from pipelines.audio import audio_from_samples, mu_compress, mu_expand, normalise_level
from pipelines.audio_features import MelSpec, log_mel
from pipelines.audio_generation.data import DIGITS, RATE_HZ, SPEAKERS, Recording
from pipelines.fitting import fit_stream
from pipelines.training.batches import ALL_ROWS
from pipelines.training.plan import TrainingPlan, plan_loss
from pipelines.training.replicas import Share

Subject = Literal["digit", "speaker"]

WORDS: Mapping[Subject, tuple[str, ...]] = {"digit": DIGITS, "speaker": SPEAKERS}
CLIP_SAMPLES = RATE_HZ  # one second; most digits take less than half of it
MEL = MelSpec(
    rate_hz=RATE_HZ,
    fft_samples=512,
    hop_samples=80,
    window_samples=320,
    mels=64,
    low_hz=0.0,
    high_hz=RATE_HZ / 2,
)
PLAN = TrainingPlan(epochs=15, batch_size=64, peak_rate=3e-3, average=0.98)
WIDTHS = (16, 32, 64, 96)
MOVED_SAMPLES = RATE_HZ // 20  # the beginning may be cut off by as much
SOFTEST_DB, NOISE_DB = -12.0, (-80.0, -30.0)


def prepared(samples: np.ndarray, level_db: float = -1.0) -> np.ndarray:
    """Return one second, float32 (CLIP_SAMPLES,), with its peak at a level; silence fills it up."""
    clip = np.zeros(CLIP_SAMPLES, np.float32)
    clip[: len(samples)] = samples[:CLIP_SAMPLES]
    return normalise_level(audio_from_samples(clip, RATE_HZ), level_db).mono


def heard(clips: np.ndarray) -> np.ndarray:
    """Return what a listener hears of clips (N, CLIP_SAMPLES): (N, frames, bands) float32."""
    found: np.ndarray = log_mel(tf.constant(mu_expand(mu_compress(clips))), MEL).numpy()
    return found


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """Recordings changed at random, batch by batch; what `fit_stream` trains on.

    Attributes:
        clips: (N, CLIP_SAMPLES), prepared.
        targets: (N,), what is to be heard.
        classes: How many answers there are.
        plan: Batch size and epochs.
        seed: Determines all changes: with the step, never with what came before.
    """

    clips: np.ndarray
    targets: np.ndarray
    classes: int
    plan: TrainingPlan
    seed: int

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        return max(1, len(self.clips) // self.plan.batch_size)

    def facts(self) -> Mapping[str, Any]:
        """Return what tells these batches from others, in plain values."""
        checksums = [zlib.crc32(array.tobytes()) for array in (self.clips, self.targets)]
        return {"seed": self.seed, "clips_and_targets_crc32": checksums}

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        """Return batches of (B, frames, bands) and one-hot targets, from a step on."""
        first, end = share.rows(self.plan.batch_size)

        def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            clips, targets = tf.numpy_function(
                lambda n: self._batch(int(n), first, end), [step], (tf.float32, tf.int32)
            )
            x = log_mel(tf.ensure_shape(clips, (end - first, CLIP_SAMPLES)), MEL)
            return x, tf.one_hot(tf.ensure_shape(targets, (end - first,)), self.classes)

        steps = tf.data.Dataset.range(first_step, self.plan.epochs * self.steps)
        return steps.map(load, num_parallel_calls=1).prefetch(4)

    def _batch(self, step: int, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.seed, step))
        count = self.plan.batch_size
        chosen = random.integers(len(self.clips), size=count)
        clips = np.stack([self._moved(self.clips[row], random) for row in chosen])
        clips *= 10 ** (random.uniform(SOFTEST_DB, 0, (count, 1)) / 20)
        noise = random.normal(size=clips.shape)
        clips += noise * 10 ** (random.uniform(*NOISE_DB, (count, 1)) / 20)
        clips = mu_expand(mu_compress(np.clip(clips[first:end], -1, 1)))
        return clips, self.targets[chosen[first:end]].astype(np.int32)

    def _moved(self, clip: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return a clip that begins later, as far as its sound has room, or a little earlier."""
        room = CLIP_SAMPLES - 1 - int(np.flatnonzero(clip).max(initial=0))
        later = int(random.integers(-MOVED_SAMPLES, room + 1))
        moved = np.zeros(CLIP_SAMPLES)
        if later < 0:
            moved[:later] = clip[-later:]
        else:
            moved[later:] = clip[: CLIP_SAMPLES - later]
        return moved


@dataclass(frozen=True)
class Listener:
    """Somebody who hears one thing.

    Attributes:
        subject: What.
        model: Maps (B, frames, bands) to logits.
    """

    subject: Subject
    model: keras.Model

    def answers(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Return what is heard in each clip, a place in `WORDS[subject]`; (N,) int."""
        sounds = heard(np.stack([prepared(clip) for clip in clips]))
        found: np.ndarray = np.argmax(self.model.predict(sounds, verbose=0), axis=-1)
        return found


def truth(recordings: Sequence[Recording], subject: Subject) -> np.ndarray:
    """Return what is to be heard in each recording, (N,) int."""
    return np.array([getattr(recording, subject) for recording in recordings])


def train_listener(
    recordings: Sequence[Recording], subject: Subject, *, plan: TrainingPlan = PLAN, seed: int = 0
) -> Listener:
    """Return a listener that learned from recordings; with the same seed it is the same."""
    keras.utils.set_random_seed(seed)
    classes = len(WORDS[subject])
    model = network(classes)
    rehearsal = Rehearsal(
        clips=np.stack([prepared(recording.samples) for recording in recordings]),
        targets=truth(recordings, subject),
        classes=classes,
        plan=plan,
        seed=seed,
    )
    fit_stream(model, rehearsal, loss=plan_loss(plan), metrics=["accuracy"])
    return Listener(subject, model)


def network(classes: int) -> keras.Model:
    """Return an untrained network: log-mel (B, frames, bands) to logits (B, classes)."""
    mel = keras.Input((MEL.frames_of(CLIP_SAMPLES), MEL.mels))
    x = layers.Reshape((*mel.shape[1:], 1))(mel)
    x = layers.BatchNormalization(name="input_norm")(x)
    for width in WIDTHS:
        x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))
    x = layers.GlobalAveragePooling2D()(x)  # wherever it is said
    x = layers.Dropout(0.3)(x)
    return keras.Model(mel, layers.Dense(classes)(x))
