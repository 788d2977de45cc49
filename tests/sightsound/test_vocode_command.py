"""`sightsound vocode`: recordings in, recordings of the same length out."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from pipelines.audio import read_audio, write_audio
from pipelines.audio_generation.pipeline import AudioGeneration
from tests.pipelines.audio_generation.generators import RATE_HZ, plain, tone, vocoder
from tests.pipelines.encoded_audio import encode, sound
from tests.pipelines.hostile_audio import HOSTILE_AUDIO
from tests.sightsound.command_line import call_here


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained vocoder."""
    return vocoder().save(tmp_path_factory.mktemp("presets") / "tiny_vocoder")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two recordings of one name, an MP3, one of an odd name, and one that is none."""
    folder = tmp_path / "recordings"
    (folder / "deeper").mkdir(parents=True)
    for path, samples in ((folder / "a.wav", 100), (folder / "deeper" / "a.wav", 120)):
        write_audio(path, read_audio((tone(samples), RATE_HZ)))
    (folder / "b.mp3").write_bytes(
        encode(sound(1200, rate_hz=16_000), "MP3", "MPEG_LAYER_III", rate_hz=16_000)
    )
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "new\nline.flac").write_bytes(encode(tone(90), "FLAC", rate_hz=RATE_HZ))
    (folder / "notes.txt").write_text("not named like audio", "utf-8")
    return folder


def test_a_folder_becomes_a_folder_of_recordings(
    recordings: Path,
    preset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(recordings.parent)
    words = ("vocode", "recordings", "--preset", preset, "--out", "out", "--convert")
    status, stdout, err = call_here(capsys, *words)
    assert status == 1
    written = sorted(path.name for path in Path("out").iterdir())
    names = ["a_vocoded-2.wav", "a_vocoded.wav", "b_vocoded.wav", "new\nline_vocoded.flac"]
    assert written == names
    header, *rows = stdout.splitlines()
    assert header.split() == ["recording", "written", "length", "seconds"]
    assert [row.split()[:2] for row in rows] == [
        ["recordings/a.wav", "out/a_vocoded.wav"],
        ["recordings/b.mp3", "out/b_vocoded.wav"],
        ["recordings/deeper/a.wav", "out/a_vocoded-2.wav"],
        [r"recordings/new\nline.flac", r"out/new\nline_vocoded.flac"],
    ]
    (complaint,) = err.splitlines()
    assert complaint.startswith("sightsound: recordings/broken.wav: is no audio")
    lengths = [read_audio(Path("out", name)).frames for name in names]
    assert lengths == [120, 100, 600, 90]


def test_samples_are_the_pipelines(
    recordings: Path, preset: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    content = (recordings / "a.wav").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    monkeypatch.chdir(recordings.parent)
    options = ("--seed", "5", "--temperature", "0.8", "--format", "flac", "--out", "o", "--jsonl")
    words = ("vocode", "-", "rec*/a.*", "--preset", preset, *options)
    status, stdout, err = call_here(capsys, *words)
    assert (status, err) == (0, "")
    rows = [json.loads(row) for row in stdout.splitlines()]
    assert [row["source"] for row in rows] == ["<stdin>", "recordings/a.wav"]
    assert [row["saved"] for row in rows] == ["o/stdin_vocoded.flac", "o/a_vocoded.flac"]
    result = AudioGeneration.from_preset(preset).vocode(content, seed=5, temperature=0.8)
    for row in rows:
        assert (row["seed"], row["samples"]) == (5, 100)
        assert Path(row["saved"]).read_bytes() == result.save("expected.flac").read_bytes()


def test_no_input_is_overwritten(
    recordings: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "a_vocoded.wav").write_bytes((recordings / "a.wav").read_bytes())
    before = {path: path.read_bytes() for path in recordings.iterdir() if path.is_file()}
    words = ("--preset", preset, "--out", recordings, "--jsonl")
    sources = [recordings / "a.wav", recordings / "a_vocoded.wav"]
    status, stdout, err = call_here(capsys, "vocode", *sources, *words, "--overwrite")
    assert (status, err) == (0, "")
    saved = [Path(json.loads(line)["saved"]).name for line in stdout.splitlines()]
    assert saved == ["a_vocoded-2.wav", "a_vocoded_vocoded.wav"]
    assert {path: path.read_bytes() for path in before} == before
    status, stdout, err = call_here(capsys, "vocode", *sources, *words)
    assert (status, stdout) == (2, "")
    assert "2 of 2 files exist already" in err


def test_bad_files_get_a_line_each_and_harm_nobody(
    preset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_audio(tmp_path / "good.wav", read_audio((tone(90), RATE_HZ)))
    sources: list[Path | str] = []
    for number, hostile in enumerate(HOSTILE_AUDIO):
        (tmp_path / f"{number}").mkdir()
        source = hostile.make(tmp_path / f"{number}")
        if isinstance(source, bytes):  # what a program could not read it could not read in a file
            (tmp_path / f"{number}.wav").write_bytes(source)
            source = tmp_path / f"{number}.wav"
        usable = isinstance(source, str | os.PathLike) and "\0" not in os.fspath(source)
        if usable and not os.path.isdir(source):  # noqa: PTH112 - a hostile name is no Path
            sources.append(source)
    assert len(sources) >= 30
    # Stereo of another rate, which only --convert would take.
    (tmp_path / "odd.wav").write_bytes(encode(sound(90, 2)))
    sources.append(tmp_path / "odd.wav")
    words = ("--preset", preset, "--out", tmp_path / "out", "--jsonl")
    status, stdout, err = call_here(capsys, "vocode", good, *sources, good, *words)
    assert status == 1
    rows = [json.loads(row) for row in stdout.splitlines()]
    assert [row["ok"] for row in rows] == [True] + [False] * len(sources) + [True]
    assert err.count("\n") == len(sources)
    assert all("saved" not in row and row["error"] for row in rows[1:-1])
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["good_vocoded-2.wav", "good_vocoded.wav"]


def test_what_fails_is_listed_left_out_or_the_end(
    recordings: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = (recordings / "broken.wav", recordings / "a.wav")
    out = ("--preset", preset, "--out", recordings / "o", "--overwrite", "--json", "--on-error")
    status, stdout, _ = call_here(capsys, "vocode", *sources, *out, "return")
    assert (status, [row["ok"] for row in json.loads(stdout)]) == (1, [False, True])
    status, stdout, _ = call_here(capsys, "vocode", *sources, *out, "skip")
    assert (status, [row["ok"] for row in json.loads(stdout)]) == (1, [True])
    status, stdout, err = call_here(capsys, "vocode", *sources, *out, "raise")
    assert (status, stdout, err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("vocode a.wav", "required: --out"),
        ("vocode --out o", "required: INPUT"),
        ("vocode a.wav --out /dev/null", "--out must be a folder; /dev/null is a file"),
        ("vocode a.wav --out o --format mp3", "invalid choice: 'mp3'"),
        ("vocode a.wav --out o --preset lenet5_mnist", "must be for audio-generation"),
        ("vocode a.wav --out o --preset {vocoder} --seed -1", "seed must be a whole number"),
        ("vocode a.wav --out o --preset {vocoder} --temperature -1", "temperature must be 0"),
        ("vocode a.wav --out o --preset {plain}", "hums is no vocoder; sightsound generate audio"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(
    line: str, message: str, preset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hums = plain().save(tmp_path / "hums") if "{plain}" in line else None
    words = line.format(vocoder=preset, plain=hums).split()
    status, stdout, err = call_here(capsys, *words)
    assert (status, stdout, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not Path("o").exists()
