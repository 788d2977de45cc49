"""`sightsound generate audio`: words in, files out that anybody can make again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.audio import read_audio, write_audio
from pipelines.audio_generation.engine import Engine
from pipelines.audio_generation.pipeline import AudioGeneration
from tests.pipelines.audio_generation.generators import plain, speaker, tone, vocoder
from tests.sightsound.command_line import call_here

SECONDS = ("--seconds", "0.03")  # the graph's loop needs no compiling


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained preset of digits and speakers."""
    return speaker().save(tmp_path_factory.mktemp("presets") / "says_digits")


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plain().save(tmp_path_factory.mktemp("presets") / "hums")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder, where files go when nobody says."""
    monkeypatch.chdir(tmp_path)


def test_nothing_need_be_said(preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call_here(capsys, "generate", "audio", "--preset", preset, *SECONDS)
    assert (status, err) == (0, "")
    header, row = out.splitlines()
    assert header.split() == ["sound", "written", "length", "seconds"]
    (path,) = Path().iterdir()
    word, voice, seed = re.fullmatch(r"([a-z]+)_([a-z]+)_(\d+)\.wav", path.name).groups()  # type: ignore[union-attr] # None would fail the test
    assert row.split()[:5] == [word, voice, path.name, "0.03", "s"]
    result = AudioGeneration.from_preset(preset)(0.03, seed=int(seed))
    assert dict(result.labels) == {"label": word, "speaker": voice}
    expected = result.save("expected.wav")
    assert path.read_bytes() == expected.read_bytes()


def test_clips_are_those_of_the_pipeline(preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--label", "seven", "--seed", "7", "--count", "3", "--temperature", "0.9")
    drawn = ("--top-k", "99", "--guidance", "1.2")
    form = ("--format", "flac", "--out", "deep/said", "--jsonl")
    status, out, err = call_here(
        capsys, "generate", "audio", "--preset", preset, *SECONDS, *words, *drawn, *form
    )
    assert (status, err) == (0, "")
    rows = [json.loads(line) for line in out.splitlines()]
    say = AudioGeneration.from_preset(preset)
    results = say([0.03] * 3, seed=7, label="seven", temperature=0.9, top_k=99, guidance=1.2)
    for row, result in zip(rows, results, strict=True):
        name = f"seven_{result.labels['speaker']}_{result.seed}.flac"
        assert row["saved"] == str(Path("deep", "said", name))
        assert row["labels"] == dict(result.labels)
        assert (row["seed"], row["seconds"], row["ok"]) == (result.seed, 0.03, True)
        assert Path(row["saved"]).read_bytes() == result.save("expected.flac").read_bytes()


def test_one_clip_may_be_one_file(
    unlabelled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words: tuple[Any, ...] = ("generate", "audio", "--preset", unlabelled, *SECONDS)
    out = ("--out", "new/hum.flac", "--seed", "3")
    status, stdout, _ = call_here(capsys, *words, *out, "--json")
    (row,) = json.loads(stdout)
    assert (status, row["saved"], row["labels"]) == (0, "new/hum.flac", {})
    before = Path("new/hum.flac").read_bytes()
    status, stdout, err = call_here(capsys, *words, *out)
    assert (status, stdout) == (2, "")
    assert "1 of 1 files exist already, such as new/hum.flac; pass --overwrite" in err
    status, stdout, _ = call_here(capsys, *words, "--out", "new", "--seed", "4")
    assert status == 0
    assert stdout.splitlines()[1].split()[:2] == ["hums", "new/hums_4.wav"]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "stream", interrupted)
    status, _, err = call_here(capsys, *words, *out, "--overwrite")
    assert (status, err) == (130, "")
    assert Path("new/hum.flac").read_bytes() == before
    assert sorted(path.name for path in Path("new").iterdir()) == ["hum.flac", "hums_4.wav"]


def test_a_recording_goes_on(unlabelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fast = (np.stack([tone(400, rate_hz=16_000)] * 2, axis=1), 16_000)
    begun = write_audio("begun.wav", read_audio(fast))
    content = begun.read_bytes()
    words = ("generate", "audio", "--preset", unlabelled, *SECONDS, "--continue", begun)
    status, stdout, err = call_here(capsys, *words)
    assert (status, err.count("\n")) == (1, 1)
    assert "must have one channel at the network's 8,000 Hz; got 2 at 16,000 Hz" in err
    status, stdout, err = call_here(capsys, *words, "--convert", "--seed", "5", "--jsonl")
    assert (status, err) == (0, "")
    row = json.loads(stdout)
    assert (row["source"], row["saved"]) == ("begun.wav", "begun_hums_5.wav")
    assert (row["given_s"], row["samples"]) == (200 / 8000, 200 + 240)
    assert read_audio(row["saved"]).frames == 440
    Path("link.wav").symlink_to(begun)
    status, _, err = call_here(
        capsys, *words, "--convert", "--overwrite", "--out", "link.wav", "--seed", "5"
    )
    assert status == 2
    assert "--out must not be the recording itself" in err
    assert begun.read_bytes() == content


def test_the_likeliest_level_warns_in_one_line(
    unlabelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("generate", "audio", "--preset", unlabelled, *SECONDS, "--temperature", "0")
    status, out, err = call_here(capsys, *words)
    assert (status, len(out.splitlines())) == (0, 2)
    assert err.startswith("sightsound: temperature 0 takes the likeliest level each time")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("generate", "required: KIND"),
        ("generate adio", "unknown kind 'adio'; did you mean 'audio'?"),
        ("generate audio --convert", "--convert is for --continue"),
        ("generate audio --count 0", "--count: must be a whole number of at least 1; got '0'"),
        ("generate audio --seconds long", "invalid float value: 'long'"),
        ("generate audio --format mp3", "invalid choice: 'mp3'"),
        ("generate audio --out a.mp3", "a folder, or a file that ends in .wav or .flac; got a.mp3"),
        ("generate audio --out a.wav --count 2", "2 clips need a folder; --out is the file a.wav"),
        ("generate audio --out a.wav --format flac", "--format flac does not go with --out a.wav"),
        ("generate audio --preset sesr_c32_x2", "must be for audio-generation"),
        ("generate audio --json --jsonl", "not allowed with argument"),
        ("generate audio --speeker theo", "knows no '--speeker'; did you mean '--speaker'?"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, stdout, err = call_here(capsys, *line.split())
    assert (status, stdout, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not list(Path().iterdir())


def test_a_wrong_value_is_refused_before_anything_is_made(
    preset: Path, unlabelled: Path, tmp_path_factory, capsys: pytest.CaptureFixture[str]
) -> None:
    no_generator = vocoder().save(tmp_path_factory.mktemp("presets") / "voc")
    for folder, words, message in (
        (preset, "--label sevn", "unknown label 'sevn'; did you mean 'seven'?"),
        (unlabelled, "--speaker theo", "hums takes no --speaker; it has no labels"),
        (preset, "--seconds -1", "seconds must be above 0"),
        (preset, "--seed -1", "seed must be a whole number from 0"),
        (preset, "--top-p 0", "top_p must be above 0 and at most 1; got 0.0"),
        (preset, "--guidance 11", "guidance must be 0 to 10; got 11.0"),
        (unlabelled, "--guidance 2", "guidance must be 1 for a network without labels"),
        (no_generator, "", "voc is a vocoder, which needs a spectrogram"),
    ):
        line = ("--preset", str(folder), "--out", "o", *words.split())
        status, stdout, err = call_here(capsys, "generate", "audio", *line)
        assert (status, stdout, err.count("\n")) == (2, "", 1), words
        assert message in err
    assert not list(Path().iterdir())
