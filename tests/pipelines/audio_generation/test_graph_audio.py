"""WAV files in a graph: the bits that Python reads and writes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.audio import Audio, audio_from_samples, encode_audio, read_audio
from pipelines.audio_generation.graph_audio import decode_wav, encode_wav, scaled_back, to_level
from pipelines.audio_generation.preparation import prepare
from pipelines.audio_generation.preparation import scaled_back as scaled_back_by_numpy
from pipelines.audio_generation.sound_spec import SoundSpec
from tests.pipelines.encoded_audio import encode, sound

RATE_HZ = 8000


def audio(samples: np.ndarray) -> Audio:
    return audio_from_samples(samples.astype(np.float32), RATE_HZ)


def test_files_are_those_that_python_writes() -> None:
    steps = np.arange(-40, 41) / 2**16  # half of them lie half way between two integers
    samples = np.concatenate([np.random.default_rng(0).uniform(-1, 1, 999), steps, [-1, 1, 0]])
    wanted = audio(samples)
    found = tf.function(encode_wav)(wanted.mono, RATE_HZ).numpy()
    assert found == encode_audio(wanted)
    assert found[:4] == b"RIFF"


def test_files_are_read_as_python_reads_them() -> None:
    data = encode(sound(500, 2), rate_hz=RATE_HZ)
    samples, rate_hz, ok = tf.function(decode_wav)(data)
    np.testing.assert_array_equal(samples, read_audio(data).samples)
    assert (int(rate_hz), bool(ok)) == (RATE_HZ, True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no recording",
        encode(sound(500))[:-1],
        encode(sound(500), subtype="PCM_24"),
        encode(sound(500), subtype="FLOAT"),
        encode(sound(500), "FLAC"),
    ],
    ids=["empty", "text", "cut", "24 bits", "float", "flac"],
)
def test_what_is_no_such_file_is_told_and_no_error(data: bytes) -> None:
    samples, _, ok = tf.function(decode_wav)(data)
    assert not bool(ok)
    assert samples.shape[0] == 0


@pytest.mark.parametrize("level_db", [-1.0, 0.0, -17.3, None])
def test_levels_are_brought_to_as_in_python(level_db: float | None) -> None:
    random = np.random.default_rng(3)
    spec = SoundSpec(rate_hz=RATE_HZ, level_db=level_db)
    graph = tf.function(to_level)
    back = tf.function(scaled_back)
    answer = random.uniform(-1, 1, 64).astype(np.float32)
    for peak in [1.0, 2.0**-15, 0.0, *random.uniform(0, 1, 20)]:
        given = audio(random.uniform(-1, 1, 200) * peak)
        wanted = prepare(given, spec)
        levelled, peaks = graph(given.mono, level_db)
        np.testing.assert_array_equal(levelled, wanted.audio.mono)
        assert tuple(map(float, peaks)) == wanted.peaks
        np.testing.assert_array_equal(
            back(answer, peaks), scaled_back_by_numpy(answer, wanted.peaks)
        )
