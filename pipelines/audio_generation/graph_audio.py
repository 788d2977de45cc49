"""WAV files in a TensorFlow graph: the bits that `pipelines.audio` reads and writes."""

from __future__ import annotations

import tensorflow as tf

from pipelines.graph_decoding import guarded

FULL_SCALE = 2.0**15  # of 16 bits


def encode_wav(waveform: tf.Tensor, rate_hz: int) -> tf.Tensor:
    """Return a WAV file of one channel and 16 bits, the bytes of `encode_audio`.

    Args:
        waveform: (N,) float32 in [-1, 1].
        rate_hz: Samples a second.
    """
    # Rounded here: TensorFlow rounds halves away from zero, `encode_audio` to even.
    integers = tf.minimum(tf.round(waveform * FULL_SCALE), FULL_SCALE - 1)
    return tf.audio.encode_wav((integers / FULL_SCALE)[:, None], rate_hz)


def decode_wav(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Decode one WAV file of 16 bits, which may be damaged.

    Args:
        data: The bytes of the file, a scalar string.

    Returns:
        Samples (N, C) float32, the rate in Hz, and whether they were decoded.
    """

    def decode(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        samples, rate_hz = tf.audio.decode_wav(data)
        return tf.ensure_shape(samples, (None, None)), rate_hz

    (samples, rate_hz), ok = guarded(decode, data, (tf.zeros((0, 1)), tf.constant(0)))
    return samples, rate_hz, ok


def to_level(
    waveform: tf.Tensor, level_db: float | None
) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
    """Bring a recording to a peak, as `preparation.prepare` does, to the bit.

    Args:
        waveform: (N,) float32 in [-1, 1], N at least 1.
        level_db: In dB of full scale, at most 0; None leaves it as it is.

    Returns:
        The recording, (N,) float32; and its peaks before and after, 1 and 1 for silence
        and for what is left as it is.
    """
    if level_db is None:
        return waveform, (tf.constant(1.0), tf.constant(1.0))
    peak = _peak(waveform)
    silent = tf.equal(peak, 0)
    before = tf.where(silent, 1.0, peak)
    exact = tf.cast(before, tf.float64)
    wanted = tf.constant(10 ** (level_db / 20), tf.float64)
    after = tf.cast(tf.minimum(wanted / exact * exact, 1.0), tf.float32)
    levelled = tf.clip_by_value(waveform / before * after, -1.0, 1.0)
    return levelled, (before, tf.where(silent, 1.0, _peak(levelled)))


def scaled_back(waveform: tf.Tensor, peaks: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    """Return sound (N,) as loud as a recording was, as `preparation.scaled_back` does."""
    before, after = peaks
    return tf.clip_by_value(waveform / after * before, -1.0, 1.0)


def _peak(waveform: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(tf.abs(waveform))
