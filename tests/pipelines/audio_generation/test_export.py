"""An exported generator gives the levels of the pipeline that it was written from, on every way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipelines import load_exported
from pipelines.audio import audio_from_samples, encode_audio
from pipelines.audio_features import MelSpec, log_mel
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.export import ExportedGenerator, export_generator
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.audio_generation.sampling import Sampling
from pipelines.audio_generation.stepping import Stepper
from pipelines.audio_results import GeneratedAudio
from pipelines.export import ExportError, read_card
from tests.pipelines.audio_generation.networks import network
from tests.pipelines.encoded_audio import sound
from tests.pipelines.python_process import run_python

RATE_HZ, CHUNK, GUIDANCE = 8000, 32, 1.5
PLAIN, LABEL, VOCODER = "plain", "label, kernel 3", "labels and frames, kernel 3"
MEL = MelSpec(
    rate_hz=RATE_HZ,
    fft_samples=64,
    hop_samples=5,
    window_samples=32,
    mels=4,
    low_hz=0.0,
    high_hz=4000.0,
)
DIGITS, SPEAKERS = ("zero", "one", "two"), ("theo", "george")
SOUNDS: dict[str, dict[str, Any]] = {
    PLAIN: {"labels": {}, "mel": None},
    LABEL: {"labels": {"label": DIGITS}, "mel": None, "guidance": GUIDANCE},
    VOCODER: {
        "labels": {"label": DIGITS, "speaker": SPEAKERS},
        "mel": MEL,
        "guidance": GUIDANCE,
    },
}
STATED = ("model", "rate_hz", "level_db", "labels", "mel", "guidance", "preset", "metadata")

Made = Callable[[str], tuple[AudioGeneration, ExportedGenerator]]


@cache
def generator(condition: str) -> AudioGeneration:
    return AudioGeneration(
        network(condition),
        rate_hz=RATE_HZ,
        preset="micro",
        metadata={"licence": "CC0"},
        **SOUNDS[condition],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return where a generator was exported to: without labels as it is, else in short chunks."""

    @cache
    def exported(condition: str) -> Path:
        pipeline, place = generator(condition), tmp_path_factory.mktemp("served") / "generator"
        if condition == PLAIN:
            return pipeline.export(place)
        return export_generator(
            place,
            **{name: getattr(pipeline, name) for name in STATED},
            chunk=CHUNK,
        )

    return exported


@pytest.fixture(scope="module")
def made(folder: Callable[[str], Path]) -> Made:
    """Return a pipeline, and its export."""

    @cache
    def pair(condition: str) -> tuple[AudioGeneration, ExportedGenerator]:
        return generator(condition), load_exported(folder(condition))

    return pair


def asked(count: int | None = None, **values: Any) -> dict[str, tf.Tensor]:
    """Return inputs: those of `values`, and how levels are drawn, for one clip or several."""
    types = {"seed": tf.int64, "top_k": tf.int32}
    guidance = {"guidance": GUIDANCE} if "label" in values else {}
    values = {"seed": 0, "temperature": 1.0, "top_k": 0, "top_p": 1.0, **guidance, **values}
    inputs = {}
    for name, value in values.items():
        kind = tf.string if isinstance(value, str | bytes) else types.get(name, tf.float32)
        if isinstance(value, list):
            kind = tf.string if isinstance(value[0], str | bytes) else kind
            inputs[name] = tf.constant(value, kind)
        else:
            inputs[name] = tf.constant(value, kind, () if count is None else (count,))
    return inputs


def assert_same(found: GeneratedAudio, wanted: GeneratedAudio) -> None:
    np.testing.assert_array_equal(found.levels, wanted.levels)
    np.testing.assert_array_equal(found.waveform, wanted.waveform)
    assert {**found.to_dict(), "timing_ms": 0} == {**wanted.to_dict(), "timing_ms": 0}


def assert_served(answer: Mapping[str, tf.Tensor], place: int, wanted: GeneratedAudio) -> None:
    samples = int(answer["samples"][place])
    np.testing.assert_array_equal(answer["levels"][place, :samples], wanted.levels)
    assert not answer["levels"][place, samples:].numpy().any()
    assert answer["wav_bytes"][place].numpy() == encode_audio(wanted.audio)
    assert (bool(answer["ok"][place]), answer["message"][place].numpy()) == (True, b"")


def test_clips_are_served_as_the_pipeline_makes_them(made: Made) -> None:
    pipeline, exported = made(LABEL)
    lengths, seeds, words = [100, 7, 64], [3, 2**63 - 1, 5], ["two", "zero", "one"]
    seconds = [samples / RATE_HZ for samples in lengths]
    inputs = asked(3, seconds=seconds, seed=seeds, label=words)
    answer = exported.endpoints["serving_default"](**inputs)
    assert answer["samples"].numpy().tolist() == lengths
    wanted = pipeline(seconds, seed=seeds, label=words, driver="xla")
    for place, clip in enumerate(wanted):
        assert_served(answer, place, clip)
    nothing = {name: values[:0] for name, values in inputs.items()}
    assert exported.endpoints["serving_default"](**nothing)["ok"].shape == (0,)


def test_without_labels_it_is_the_same(made: Made) -> None:
    pipeline, exported = made(PLAIN)
    wanted = pipeline(75 / RATE_HZ, seed=2**40 + 1, driver="graph")
    answer = exported.endpoints["serving_default"](**asked(1, seconds=75 / RATE_HZ, seed=2**40 + 1))
    assert_served(answer, 0, wanted)
    assert_same(exported(75 / RATE_HZ, seed=2**40 + 1), wanted)


def test_levels_are_drawn_as_the_pipeline_draws_them(made: Made) -> None:
    pipeline, exported = made(LABEL)
    drawing: dict[str, list[Any]] = {
        "temperature": [0.7, 1.3, 1.0],
        "top_k": [0, 20, 300],
        "top_p": [1.0, 0.9, 1.0],
        "guidance": [1.0, 0.5, 3.0],
    }
    answer = exported.endpoints["serving_default"](**asked(3, seconds=0.01, label="two", **drawing))
    for place in range(3):
        one = {name: values[place] or None for name, values in drawing.items()}
        wanted = pipeline(0.01, seed=0, label="two", **one)
        assert_served(answer, place, wanted)
        assert_same(exported(0.01, seed=0, label="two", **one), wanted)
    with pytest.warns(UserWarning, match="temperature 0"):
        wanted = pipeline(0.01, seed=0, label="two", temperature=0)
    answer = exported.endpoints["serving_default"](
        **asked(1, seconds=0.01, label="two", temperature=0.0)
    )
    assert_served(answer, 0, wanted)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"label": "sevn"}, "unknown label 'sevn'; known: zero, one, two"),
    ({"label": ""}, "unknown label ''; known: zero, one, two"),
    ({"seed": -3}, "seed must be 0 or more; got -3"),
    ({"seconds": 0.0}, "seconds must be above 0 and at most 60; got 0; call start and go_on"),
    ({"seconds": 1e9}, "seconds must be above 0 and at most 60; got 1e+09; call start and go_on"),
    ({"seconds": np.nan}, "seconds must be above 0 and at most 60; got nan"),
    ({"temperature": -0.5}, "temperature must be 0 or more; got -0.5"),
    ({"temperature": np.inf}, "temperature must be 0 or more; got inf"),
    ({"temperature": np.nan}, "temperature must be 0 or more; got nan"),
    ({"top_k": -1}, "top_k must be 1 or more, or 0 for all levels; got -1"),
    ({"top_p": 0.0}, "top_p must be above 0 and at most 1; got 0"),
    ({"top_p": 1.5}, "top_p must be above 0 and at most 1; got 1.5"),
    ({"guidance": -0.1}, "guidance must be 0 to 10; got -0.1"),
    ({"guidance": np.nan}, "guidance must be 0 to 10; got nan"),
]


def test_what_cannot_be_harms_no_other(made: Made) -> None:
    pipeline, exported = made(LABEL)
    good: dict[str, Any] = {"label": "one", "seed": 4, "seconds": 0.005}
    good |= {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "guidance": GUIDANCE}
    items = [good, *({**good, **changes} for changes, _ in BAD), good]
    columns: dict[str, Any] = {name: [item[name] for item in items] for name in good}
    inputs = asked(None, **columns)
    answer = exported.endpoints["serving_default"](**inputs)
    wanted = pipeline(0.005, seed=4, label="one", driver="xla")
    for place in (0, len(items) - 1):
        assert_served(answer, place, wanted)
    for place, (_, says) in enumerate(BAD, start=1):
        assert answer["message"][place].numpy().decode().startswith(says)
    bad = slice(1, -1)
    assert not answer["ok"][bad].numpy().any()
    assert not answer["samples"][bad].numpy().any()
    assert not answer["levels"][bad].numpy().any()
    assert set(answer["wav_bytes"][bad].numpy()) == {b""}


def test_the_shortest_clip_is_one_sample(made: Made) -> None:
    pipeline, exported = made(LABEL)
    answer = exported.endpoints["serving_default"](**asked(1, seconds=1e-9, seed=1, label="one"))
    assert_served(answer, 0, pipeline(1e-9, seed=1, label="one", driver="xla"))


def test_a_server_remembers_nothing_between_chunks(made: Made) -> None:
    pipeline, exported = made(LABEL)
    wanted = pipeline(90 / RATE_HZ, seed=6, label="two", driver="xla")
    memory = exported.endpoints["start"](**asked(seed=6, label="two"))
    levels, waveform = [], []
    for _ in range(3):
        # As it comes from a client: plain arrays.
        memory = {name: tf.constant(tensor.numpy()) for name, tensor in memory.items()}
        memory = dict(exported.endpoints["go_on"](**memory))
        levels.append(memory.pop("levels"))
        waveform.append(memory.pop("waveform"))
        assert levels[-1].shape == waveform[-1].shape == (CHUNK,)
    np.testing.assert_array_equal(np.concatenate(levels)[:90], wanted.levels)
    np.testing.assert_array_equal(np.concatenate(waveform)[:90], wanted.waveform)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"unknown label .*sevn.*known"):
        exported.endpoints["start"](**asked(label="sevn"))


def test_it_is_called_as_the_pipeline_is(made: Made, tmp_path: Path) -> None:
    pipeline, exported = made(LABEL)
    options: dict[str, Any]
    for options in (
        {"seconds": 0.004, "seed": 2**64 - 1},
        {"seconds": 0.011, "seed": 12, "label": "two"},
    ):
        assert_same(exported(**options), pipeline(**options, driver="xla"))
    several: dict[str, Any] = {"seconds": [0.002, 0.005], "seed": 5, "label": ["two", None]}
    wanted = pipeline(**several, driver="xla")
    for found, expected in zip(exported.generate(**several), wanted, strict=True):
        assert_same(found, expected)
    blocks = list(exported.stream(0.01, seed=3, label="one"))
    assert [len(block) for block in blocks] == [CHUNK, CHUNK, 16]
    expected = pipeline(0.01, seed=3, label="one", driver="xla")
    np.testing.assert_array_equal(np.concatenate(blocks), expected.waveform)
    written = exported.write(tmp_path / "one.wav", 0.01, seed=3, label="one")
    assert written.read_bytes() == encode_audio(expected.audio)
    endless = exported.stream(seed=3, label="one")
    np.testing.assert_array_equal(next(endless), expected.waveform[:CHUNK])
    with pytest.raises(ValueError, match="unknown label 'onee'; did you mean 'one'"):
        exported(label="onee")
    with pytest.raises(ValueError, match="takes no spectrograms"):
        exported.vocode(np.zeros((3, 4), np.float32))


@pytest.fixture(scope="module")
def recordings() -> list[bytes]:
    """Return a loud recording, a soft one, and silence: WAV files at the network's rate."""
    tone = sound(203, rate_hz=RATE_HZ)
    clips = (tone, tone[:64] / 300, np.zeros((41, 1)))
    return [encode_audio(audio_from_samples(samples, RATE_HZ)) for samples in clips]


WORDS: dict[str, Any] = {"label": "one", "speaker": "george"}


def test_recordings_are_served_as_the_pipeline_vocodes_them(made: Made, recordings) -> None:
    pipeline, exported = made(VOCODER)
    stereo = encode_audio(audio_from_samples(sound(50, 2), RATE_HZ))
    fast = encode_audio(audio_from_samples(sound(50), 16_000))
    bad = {
        b"no recording": "wav_bytes must be a whole WAV file of 16 bits; convert it",
        recordings[0][:-9]: "wav_bytes must be a whole WAV file of 16 bits; convert it",
        stereo: "wav_bytes must have one channel; got 2; downmix it",
        fast: "wav_bytes must have 8000 Hz; got 16000; resample it",
        encode_audio(audio_from_samples(np.zeros(60 * RATE_HZ + 1), RATE_HZ)): (
            "seconds of wav_bytes must be above 0 and at most 60; got 60.0001; cut it into parts"
        ),
    }
    files = [*recordings, *bad]
    answer = exported.endpoints["serving_default"](
        **asked(len(files), wav_bytes=files, seed=7, **WORDS)
    )
    for place, data in enumerate(recordings):
        assert_served(answer, place, pipeline.vocode(data, seed=7, driver="xla", **WORDS))
    refused = slice(len(recordings), None)
    assert not answer["ok"][refused].numpy().any()
    assert [text.decode() for text in answer["message"][refused].numpy()] == list(bad.values())


def test_a_vocoder_is_called_as_the_pipeline_is(made: Made, recordings) -> None:
    pipeline, exported = made(VOCODER)
    frames = log_mel(np.linspace(-1, 1, 203, dtype=np.float32)[None], MEL).numpy()[0]
    sources = [*recordings, frames]
    wanted = pipeline.vocode(sources, seed=7, driver="xla", **WORDS)
    for found, expected in zip(exported.vocode(sources, seed=7, **WORDS), wanted, strict=True):
        assert_same(found, expected)
    # A chunk begins and ends within a frame.
    assert CHUNK % MEL.hop_samples > 0


def test_frames_are_said_at_once_and_chunk_by_chunk(made: Made) -> None:
    pipeline, exported = made(VOCODER)
    ramp = np.linspace(-1, 1, 93, dtype=np.float32)
    frames = exported.endpoints["log_mel"](waveform=tf.constant(ramp))["frames"]
    np.testing.assert_array_equal(frames, log_mel(ramp[None], MEL)[0])
    wanted = pipeline.vocode(frames.numpy(), seed=9, driver="xla", **WORDS)
    assert len(wanted.levels) == len(frames) * MEL.hop_samples
    inputs = asked(seed=9, **WORDS)
    answer = exported.endpoints["vocode"](frames=frames, **inputs)
    assert_served({name: tensor[None] for name, tensor in answer.items()}, 0, wanted)
    memory, levels = exported.endpoints["start"](**inputs), []
    for _ in range(3):
        next_frame = int(memory["positions"][0]) // MEL.hop_samples
        memory = dict(exported.endpoints["go_on"](frames=frames[next_frame:], **memory))
        levels.append(memory.pop("levels"))
        del memory["waveform"]
    np.testing.assert_array_equal(np.concatenate(levels)[:95], wanted.levels)
    answer = exported.endpoints["vocode"](frames=frames * np.nan, **inputs)
    assert answer["message"].numpy() == b"frames must be finite; some values are NaN or infinite"
    assert (bool(answer["ok"]), answer["levels"].shape) == (False, (0,))


def test_what_it_is_travels_with_it(made: Made, folder: Callable[[str], Path]) -> None:
    for condition in SOUNDS:
        pipeline, exported = made(condition)
        for name in STATED[1:]:
            assert getattr(exported, name) == getattr(pipeline, name)
        assert exported.receptive_field_s == pipeline.receptive_field_s
    card = read_card(folder(VOCODER))
    assert (card["task"], card["metadata"]) == ("audio-generation", {"licence": "CC0"})


@pytest.mark.parametrize("condition", SOUNDS)
def test_weights_are_stored_once(folder: Callable[[str], Path], condition: str) -> None:
    place, stepper = folder(condition) / "1", Stepper(network(condition))
    graph = (place / "saved_model.pb").read_bytes()
    large = [layer.kernel for layer in stepper._layers] + [stepper._table, stepper._skip[0]]
    assert [graph.count(weight.numpy().tobytes()) for weight in large] == [1] * len(large)
    stored = sum(file.stat().st_size for file in (place / "variables").iterdir())
    assert stored < 6000  # bookkeeping; the weights would take 39 KB


ELSEWHERE = """
import os, sys
os.environ.pop("TF_XLA_FLAGS", None)  # which may name a folder of what is compiled already
import tensorflow as tf
served, by_tensorflow, by_us = sys.argv[1:]
one = lambda value, kind: tf.constant([value], kind)
root = tf.saved_model.load(served)
answer = root.signatures["serving_default"](
    seconds=one(0.009, tf.float32), label=one("two", tf.string), seed=one(21, tf.int64),
    temperature=one(1.0, tf.float32), top_k=one(0, tf.int32), top_p=one(1.0, tf.float32),
    guidance=one(1.5, tf.float32),
)
tf.io.write_file(by_tensorflow, answer["wav_bytes"][0])
assert not {"pipelines", "models", "soundfile"} & set(sys.modules)

from pipelines.audio_generation.export import ExportedGenerator
ExportedGenerator(served)(0.009, label="two", seed=21).save(by_us)
"""
WITHOUT = ("keras", "tf_keras", "h5py", "librosa", "models.catalog", "models.generative")


def test_it_runs_without_keras_from_wherever_it_lies(
    made: Made, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    moved = shutil.copytree(folder(LABEL) / "1", tmp_path / "moved")
    written = [tmp_path / "by_tensorflow.wav", tmp_path / "by_us.wav"]
    run_python(ELSEWHERE, str(moved), *map(str, written), without=WITHOUT)
    wanted = made(LABEL)[0](0.009, label="two", seed=21, driver="xla")
    for path in written:
        assert path.read_bytes() == encode_audio(wanted.audio)


def test_what_a_saved_model_cannot_is_refused(made: Made) -> None:
    exported = made(PLAIN)[1]
    with pytest.raises(ValueError, match="has the driver 'xla' only; got 'graph'"):
        exported(0.01, driver="graph")
    for clip, says in (
        (Clip(samples=5, prime=np.array([1, 2])), "starts from silence; leave prime out"),
        (Clip(samples=5, labels=(1,)), r"this network takes 0 labels; got \(1,\)"),
    ):
        with pytest.raises(ValueError, match=says):
            exported.blocks(clip, Sampling())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": {}, "guidance": 1.0}, r"the network's numbers of classes, \(3,\); got \(\)"),
        ({"labels": {"frames": DIGITS}}, "called as another input .* got 'frames'; rename it"),
        ({"mel": MEL}, "the network takes no frames; got a mel spec of 4 bands"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(changes, says: str, tmp_path: Path) -> None:
    stated = {**{name: getattr(generator(LABEL), name) for name in STATED}, **changes}
    with pytest.raises(ValueError, match=says):
        export_generator(tmp_path, **stated)
    assert not list(tmp_path.iterdir())


def test_a_card_without_what_is_needed_is_refused(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = shutil.copytree(folder(PLAIN) / "1", tmp_path / "copy")
    card = copy / "assets.extra" / "sightsound.json"
    stated = json.loads(card.read_text("utf-8"))
    del stated["sound"]
    card.write_text(json.dumps(stated))
    with pytest.raises(ExportError, match="lacks sound"):
        ExportedGenerator(copy)
