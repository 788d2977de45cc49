"""Audio generation as people call it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipelines
from pipelines.audio import Audio, AudioError, mu_compress, mu_expand
from pipelines.audio_features import MelSpec, log_mel
from pipelines.audio_generation import scoring
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.audio_results import GeneratedAudio
from pipelines.presets import PresetError, load_preset
from pipelines.results import FailedResult
from tests.pipelines.audio_generation.generators import (
    DIGITS,
    MEL,
    RATE_HZ,
    SPEAKERS,
    plain,
    speaker,
    tone,
    vocoder,
)
from tests.pipelines.encoded_audio import encode, sound
from tests.pipelines.hostile_audio import HOSTILE_AUDIO

QUICK_S = 0.03  # 240 samples: the graph's loop needs no compiling


# Words and a seed in, sound out.


def test_words_and_a_seed_become_sound() -> None:
    say = speaker()
    result = say(0.1, seed=7, label="seven", speaker="theo")
    assert isinstance(result, GeneratedAudio)
    assert (result.ok, result.preset, result.seed) == (True, "speaker", 7)
    assert dict(result.labels) == {"label": "seven", "speaker": "theo"}
    assert (result.rate_hz, result.seconds, result.given_s) == (8000, 0.1, 0.0)
    assert (result.waveform.dtype.name, result.levels.dtype.name) == ("float32", "int32")
    np.testing.assert_array_equal(result.waveform, mu_expand(result.levels))
    assert not result.waveform.flags.writeable
    assert not result.levels.flags.writeable
    assert len(set(result.levels.tolist())) > 20
    assert result.timing_ms > 0
    again = say.generate(0.1, seed=7, label="seven", speaker="theo")
    np.testing.assert_array_equal(again.levels, result.levels)
    for other in ({"label": "six"}, {"speaker": "lucas"}, {"seed": 8}):
        words = {"seed": 7, "label": "seven", "speaker": "theo", **other}
        assert (say(0.1, **words).levels != result.levels).any(), other


def test_what_nobody_said_is_in_the_result() -> None:
    result = speaker()(QUICK_S)
    assert set(result.labels) == {"label", "speaker"}
    again = speaker()(QUICK_S, seed=result.seed)
    assert again.labels == result.labels
    np.testing.assert_array_equal(again.levels, result.levels)
    assert speaker()(QUICK_S).seed != result.seed


def test_a_clip_is_the_same_in_any_list() -> None:
    say = speaker()
    three = say([0.03, 0.01, 0.02], seed=7, label=["one", None, "three"])
    assert [result.seed for result in three] == [7, 8, 9]
    assert [len(result.levels) for result in three] == [240, 80, 160]
    for result in three:
        alone = say(result.seconds, seed=result.seed, **result.labels)
        np.testing.assert_array_equal(alone.levels, result.levels)
    assert [result.labels for result in say(0.01, seed=[8], label=None)] == [three[1].labels]
    assert say([], seed=7) == []


def test_how_levels_are_drawn_is_told() -> None:
    result = plain()(QUICK_S, seed=1, top_k=1, temperature=0.5)
    assert (result.temperature, result.top_k, result.top_p) == (0.5, 1, 1.0)
    say, words = speaker(), {"seed": 1, "label": "one", "speaker": "theo"}
    usual, plainly = say(QUICK_S, **words), say(QUICK_S, **words, guidance=1)
    assert (result.guidance, usual.guidance, plainly.guidance) == (1.0, 1.5, 1)
    assert (usual.levels != plainly.levels).any()
    with pytest.warns(UserWarning, match="temperature 0 takes the likeliest"):
        np.testing.assert_array_equal(plain()(QUICK_S, temperature=0).levels, result.levels)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: speaker()(label="sevn"), ValueError, "unknown label 'sevn'; did you mean"),
        (lambda: speaker()(1.0, sped=2), TypeError, "no label 'sped'; its labels: label, speaker"),
        (lambda: plain()(1.0, label="seven"), TypeError, "no label 'label'; it has none"),
        (lambda: plain()(-1), ValueError, "seconds must be above 0"),
        (lambda: plain()(1.0, temperature=-1), ValueError, "temperature must be 0 or more"),
        (lambda: plain()(1.0, guidance=2), ValueError, "guidance must be 1 for a network without"),
        (lambda: plain()(1.0, driver="cuda"), ValueError, "unknown driver 'cuda'"),
        (lambda: _any(plain()).stream([1, 2]), ValueError, "a stream or a file is one clip"),
        (lambda: _any(plain()).stream(1, driver="cuda"), ValueError, "unknown driver 'cuda'"),
        (lambda: vocoder()(1.0), ValueError, "vocoder is a vocoder, which needs a spectrogram"),
        (lambda: vocoder().stream(1.0), ValueError, "call vocode(recording)"),
        (lambda: vocoder().continue_from("a.wav"), ValueError, "call vocode(recording)"),
        (lambda: plain().vocode(tone()), ValueError, "plain takes no spectrograms; call generate"),
        (lambda: vocoder().vocode([], seed=-1), ValueError, "seed must be"),
        (lambda: vocoder().vocode([], label="one"), TypeError, "no label 'label'"),
        (
            lambda: _any(vocoder()).vocode([], on_error="stop"),
            ValueError,
            "on_error must be one of",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    make: Callable[[], Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=re.escape(says)):
        make()


# Block by block.


def test_a_stream_and_a_file_are_what_generate_returns(tmp_path: Path) -> None:
    say = plain()
    result = say(0.3, seed=3, driver="graph")  # longer than a block
    blocks = list(say.stream(0.3, seed=3, driver="graph"))
    assert [len(block) for block in blocks] == [2048, 352]
    assert {block.dtype for block in blocks} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(np.concatenate(blocks), result.waveform)
    endless = say.stream(seed=3, driver="graph")
    np.testing.assert_array_equal(next(endless), blocks[0])
    written = say.write(tmp_path / "a.flac", 0.3, seed=3, driver="graph")
    assert written == tmp_path / "a.flac"
    saved = result.save(tmp_path / "b.flac")
    assert written.read_bytes() == saved.read_bytes()


def test_a_call_that_is_cancelled_leaves_no_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def cancel(done: int, samples: int) -> None:
        seen.append((done, samples))
        raise KeyboardInterrupt

    for path in (tmp_path / "new.wav", tmp_path / "old.wav"):
        if path.stem == "old":
            path.write_bytes(b"precious")
        with pytest.raises(KeyboardInterrupt):
            plain().write(path, 0.3, seed=3, driver="graph", on_block=cancel)
    assert seen == [(2048, 2400)] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["old.wav"]
    assert (tmp_path / "old.wav").read_bytes() == b"precious"


def test_a_file_that_cannot_be_costs_nothing(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "a.mp3", "must end in one of"), (tmp_path / "b" / "a.wav", "b")):
        with pytest.raises(AudioError, match=says):
            plain().write(path, 60.0, on_block=lambda *_: pytest.fail("it was generated"))


def test_progress_is_told_once_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain()(QUICK_S, progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("pipelines.mapping.QUIET_S", 0.0)
    monkeypatch.setattr("pipelines.mapping.REFRESH_S", 0.0)
    calls: list[tuple[int, int]] = []
    speaker()(
        [0.01, 0.02],
        seed=7,
        label="one",
        speaker="theo",
        progress=True,
        on_block=lambda *at: calls.append(at),
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert "generated: 1 of 2" in err
    assert "generated: 2 of 2" in err
    assert calls == [(80, 80), (160, 160)]
    speaker()(0.01, seed=7, label="one", speaker="theo", progress=True)
    assert "one theo: blocks: 1 of 1" in capsys.readouterr().err


# From a recording on.


def test_what_was_generated_goes_on_as_if_nothing_had_happened() -> None:
    whole = plain()(0.1, seed=0)
    half = Audio(whole.audio.samples[:400], RATE_HZ, "half.wav")
    result = plain().continue_from(half, 0.05, seed=0)
    np.testing.assert_array_equal(result.levels, whole.levels)
    np.testing.assert_array_equal(result.waveform, whole.waveform)
    assert (result.given_s, result.seconds, result.source) == (0.05, 0.1, "half.wav")
    ways = plain().continue_from(half, [0.05, 0.01], seed=0)
    np.testing.assert_array_equal(ways[0].levels, whole.levels)
    np.testing.assert_array_equal(ways[1].levels[:400], whole.levels[:400])
    assert (len(ways[1].levels), ways[1].seed) == (480, 1)


def test_a_recording_is_brought_to_the_level_that_was_learned() -> None:
    quiet, loud = tone(peak=0.01), tone(peak=0.9)
    results = [speaker().continue_from((w, RATE_HZ), QUICK_S, seed=4) for w in (quiet, loud)]
    np.testing.assert_array_equal(results[0].levels, results[1].levels)
    given = results[0].waveform[:800]
    assert np.abs(given).max() == pytest.approx(10 ** (-1 / 20), rel=0.03)  # a level's width
    scores = [
        speaker().score((w, RATE_HZ), label="one", speaker="theo").bits for w in (quiet, loud)
    ]
    np.testing.assert_array_equal(scores[0], scores[1])


def test_nothing_is_converted_silently() -> None:
    stereo = encode(sound(1600, 2, rate_hz=16_000), rate_hz=16_000)
    calls: tuple[Callable[..., Any], ...] = (
        lambda **how: plain().continue_from(stereo, QUICK_S, seed=1, **how),
        lambda **how: plain().score(stereo, **how),
        lambda **how: vocoder().vocode(stereo, **how),
    )
    says = "must have one channel at the network's 8,000 Hz; got 2 at 16,000 Hz; pass convert=True"
    for call in calls:
        with pytest.raises(AudioError, match=re.escape(says)):
            call()
    continued, scored, vocoded = (call(convert=True) for call in calls)
    assert (len(continued.waveform), len(scored.bits), len(vocoded.waveform)) == (1040, 800, 800)
    assert continued.source == scored.source == vocoded.source == "<bytes>"


@pytest.mark.parametrize("door", ["vocode", "continue_from", "score"])
def test_hostile_audio_is_refused_at_every_door(door: str, tmp_path: Path) -> None:
    call = getattr(vocoder() if door == "vocode" else plain(), door)
    for hostile in HOSTILE_AUDIO:
        (tmp_path / hostile.id).mkdir()
        source = hostile.make(tmp_path / hostile.id)
        with pytest.raises(hostile.error, match=re.escape(hostile.says)):
            call(source, convert=True)


# From a spectrogram.


def test_a_recording_is_said_anew_as_long_and_as_loud() -> None:
    recording = tone(810, peak=0.2)
    result = vocoder().vocode((recording, RATE_HZ))
    assert (result.seconds, result.seed, result.source) == (810 / RATE_HZ, 0, "<array>")
    gain = 0.2 / 10 ** (-1 / 20)
    # float32 divides and multiplies: a rounding each.
    np.testing.assert_allclose(result.waveform, mu_expand(result.levels) * gain, rtol=1e-6)
    normal = recording / 0.2 * 10 ** (-1 / 20)
    frames = log_mel(normal[None].astype(np.float32), MEL).numpy()[0]
    from_frames = vocoder().vocode(frames)
    assert (len(from_frames.levels), from_frames.source) == (11 * 80, "<frames>")
    np.testing.assert_array_equal(from_frames.levels[:810], result.levels)
    np.testing.assert_array_equal(from_frames.waveform, mu_expand(from_frames.levels))
    other = vocoder().vocode(log_mel(recording[None] * 0.1, MEL).numpy()[0])
    assert (other.levels != from_frames.levels).any()


def test_silence_has_no_level() -> None:
    result = vocoder().vocode((np.zeros(100), RATE_HZ))
    np.testing.assert_array_equal(result.waveform, mu_expand(result.levels))


def test_one_bad_recording_never_spoils_the_rest(tmp_path: Path) -> None:
    good = tmp_path / "good.wav"
    good.write_bytes(encode(tone(160), rate_hz=RATE_HZ))
    sources = [good, tmp_path / "none.wav", (tone(160), RATE_HZ), np.zeros((3, 5), np.float32)]
    results = vocoder().vocode(sources, on_error="return")
    assert [result.ok for result in results] == [True, False, True, False]
    assert [result.source for result in results][2:] == ["<array>", "<frames>"]
    assert isinstance(results[1], FailedResult)
    assert results[1].error_type == "MissingAudioError"
    assert "frames must be float (F, 12), as log_mel makes them; got float32 (3, 5)" in str(
        results[3]
    )
    assert len(vocoder().vocode(sources, on_error="skip")) == 2
    assert vocoder().vocode(tmp_path / "none.wav", on_error="skip") is None
    iterator = vocoder().vocode(iter(sources), on_error="return")
    assert isinstance(iterator, Iterator)
    np.testing.assert_array_equal(next(iterator).levels, results[0].levels)
    with pytest.raises(AudioError, match=r"none\.wav: no such file"):
        next(vocoder().vocode(iter(sources[1:])))


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (np.zeros((0, 12), np.float32), "got float32 (0, 12)"),
        (np.zeros((12, 30), np.float32), "got float32 (12, 30); pass frames.T"),
        (np.zeros((3, 12), np.int32), "frames must be float (F, 12)"),
        (np.full((3, 12), np.nan), "frames must be finite"),
        (np.full((3, 12), 1e300), "frames must be finite"),
    ],
)
def test_frames_that_no_recording_has_are_refused(frames: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        vocoder().vocode(frames)


# How likely a recording is.


@pytest.mark.parametrize("make", [plain, speaker, vocoder])
def test_bits_are_those_of_the_network(
    make: Callable[[], AudioGeneration], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = make()
    words: dict[str, Any] = {"label": "four", "speaker": "lucas"} if judge.labels else {}
    recording = tone(500, peak=10 ** ((judge.level_db or 0) / 20))
    scored = judge.score((recording, RATE_HZ), **words)
    levels = mu_compress(recording)
    inputs: dict[str, Any] = {"samples": np.concatenate([[128], levels[:-1]])[None]}
    if judge.labels:
        inputs["labels"] = np.array([[4, 2]])
    if judge.mel:
        inputs["frames"] = log_mel(recording[None], judge.mel).numpy()
    logits = np.asarray(judge.model(inputs), np.float64)[0]
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    expected = -np.log2((shares / shares.sum(axis=-1, keepdims=True))[np.arange(500), levels])
    np.testing.assert_allclose(scored.bits, expected, atol=1e-4)  # logits in float32
    assert scored.bits_per_sample == pytest.approx(expected.mean(), abs=1e-4)
    assert (scored.deviations, scored.outlier, dict(scored.labels)) == (None, None, words)
    # Parts of a recording are scored with what came before them.
    monkeypatch.setattr(scoring, "AT_A_TIME", 90)
    in_parts = judge.score((recording, RATE_HZ), **words)
    np.testing.assert_allclose(in_parts.bits, scored.bits, atol=1e-4)


def test_a_preset_that_knows_what_to_expect_tells_outliers() -> None:
    known = {"score": {"mean": 5.0, "deviation": 0.5}}
    judge = AudioGeneration(plain().model, rate_hz=RATE_HZ, level_db=0.0, metadata=known)
    scored = judge.score((tone(), RATE_HZ))
    assert scored.deviations == pytest.approx((scored.bits_per_sample - 5.0) / 0.5)
    assert scored.bits_per_sample > 6.5  # untrained: little better than 8 bits, if not worse
    assert scored.outlier


def test_a_label_must_be_given_to_score() -> None:
    with pytest.raises(TypeError, match=re.escape("must be given: pass speaker='george', say")):
        speaker().score((tone(), RATE_HZ), label="one")


# Presets.


@pytest.mark.parametrize("make", [plain, speaker, vocoder])
def test_a_saved_preset_is_the_same(make: Callable[[], AudioGeneration], tmp_path: Path) -> None:
    before = make()
    folder = before.save(tmp_path / "kept", metadata={"title": "A test"})
    after = pipelines.pipeline("audio-generation", folder)
    assert (after.preset, after.metadata["title"]) == ("kept", "A test")
    assert after.spec == before.spec
    assert after.receptive_field_s == 16 / RATE_HZ
    pairs = zip(before.model.get_weights(), after.model.get_weights(), strict=True)
    for weight, kept in pairs:
        np.testing.assert_array_equal(kept, weight.astype(np.float16))  # as presets keep them


def test_what_a_preset_states_is_plain(tmp_path: Path) -> None:
    stated = load_preset(speaker().save(tmp_path / "speaker"))
    assert stated.config == {
        "task": "audio-generation",
        "model": "wavenet_micro",
        "options": {"global_classes": [10, 6]},
    }
    assert stated.preprocessor == {
        "rate_hz": 8000,
        "level_db": -1.0,
        "labels": {"label": list(DIGITS), "speaker": list(SPEAKERS)},
        "mel": None,
        "guidance": 1.5,
    }
    stated = load_preset(vocoder().save(tmp_path / "vocoder"))
    assert stated.config["options"] == {"local_dim": 12, "hop": 80}
    assert MelSpec.from_dict(stated.preprocessor["mel"]) == MEL
    assert stated.preprocessor["labels"] == {}
    stated = load_preset(plain().save(tmp_path / "plain"))
    assert stated.preprocessor["level_db"] is None
    assert AudioGeneration.from_preset(tmp_path / "plain").level_db is None


def test_a_preset_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    folder = speaker().save(tmp_path / "odd")
    for changes, says in (
        ({"labels": {"label": list(DIGITS)}}, "preset 'odd': its preprocessor: the labels must"),
        ({"rate_hz": "8000"}, "preset 'odd': its preprocessor: rate_hz must be"),
    ):
        _change(folder, "preprocessor.json", changes)
        with pytest.raises(PresetError, match=re.escape(says)):
            AudioGeneration.from_preset(folder)


def test_what_a_preset_expects_is_two_numbers(tmp_path: Path) -> None:
    for number, score in enumerate(([5, 1], {"mean": 5}, {"mean": 5, "deviation": 0}, "low")):
        folder = plain().save(tmp_path / f"odd{number}", metadata={"score": score})
        with pytest.raises(PresetError, match="must state a mean, and a deviation above 0"):
            AudioGeneration.from_preset(folder)


def test_a_preset_of_another_task_is_refused() -> None:
    with pytest.raises(PresetError, match="must be for audio-generation; it is for super-resol"):
        pipelines.pipeline("audio-generation", "sesr_c32_x2")


def test_the_task_has_a_preset_of_its_own() -> None:
    task = pipelines.TASKS["audio-generation"]
    assert task.default_preset == pipelines.DEFAULT_GENERATOR == "wavenet_digits"


def test_xla_keeps_what_it_compiles_whatever_is_opened_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = tmp_path / "exported"
    (exported / "assets.extra").mkdir(parents=True)
    (exported / "saved_model.pb").touch()
    (exported / "assets.extra" / "sightsound.json").write_text('{"task": "audio-generation"}')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    openings: tuple[Callable[[], object], ...] = (
        lambda: pipelines.pipeline("image-classification", "none such"),
        lambda: pipelines.load_exported(exported),
    )
    for opening in openings:
        monkeypatch.setenv("TF_XLA_FLAGS", "")
        with pytest.raises(ValueError, match=r"none such|lacks preset"):
            opening()
        # Set before anything is opened, and so before TensorFlow computes anything.
        assert os.environ["TF_XLA_FLAGS"].endswith(str(tmp_path / "cache" / "sightsound" / "xla"))


def _any(pipeline: Any) -> Any:
    """Return a pipeline whose arguments nobody checks before it runs."""
    return pipeline


def _change(folder: Path, file: str, values: dict[str, Any]) -> None:
    """Change a preset's file, and its hash with it."""
    from pipelines.presets import sha256

    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    metadata["sha256"][file] = sha256(path)
    (folder / "metadata.json").write_text(json.dumps(metadata), "utf-8")
