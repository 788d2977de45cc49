"""What is written can be read back, level for level, at once or block by block."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipelines import audio_encoding
from pipelines.audio import (
    Audio,
    AudioError,
    AudioWriter,
    MissingAudioError,
    audio_from_samples,
    encode_audio,
    read_audio,
    write_audio,
)
from tests.pipelines.encoded_audio import RATE_HZ, sound
from tests.pipelines.python_process import run_python

ALL_LEVELS = np.arange(-(2**15), 2**15, dtype=np.int16)


@pytest.mark.parametrize("name", ["wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_16_bit_level_comes_back(name: Any, channels: int) -> None:
    levels = np.stack([np.roll(ALL_LEVELS, 1000 * n) for n in range(channels)], axis=1)
    data = encode_audio(audio_from_samples(levels, 44_100), name)
    written, rate_hz = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    assert rate_hz == 44_100
    np.testing.assert_array_equal(written, levels)
    assert encode_audio(read_audio(data), name) == data


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_24_bits_come_back(name: Any) -> None:
    edges = np.array([-(2**23), -(2**23) + 1, -1, 0, 1, 2**23 - 1])
    levels = np.concatenate([edges, np.random.default_rng(0).integers(-(2**23), 2**23, 5000)])
    audio = audio_from_samples(levels / 2**23, 96_000)
    data = encode_audio(audio, name, bits=24)
    written = soundfile.read(io.BytesIO(data), dtype="int32")[0] >> 8
    np.testing.assert_array_equal(written, levels)
    np.testing.assert_array_equal(read_audio(data).samples, audio.samples)


def test_samples_are_rounded_to_the_nearest_level() -> None:
    level = 2.0**-15
    given = np.array([0.4, 0.6, -0.4, -0.6, 1.5, 2.5, 3.49, -1e9, 1e9]) * level
    audio = audio_from_samples(np.clip(given, -1, 1), 8000)
    written = soundfile.read(io.BytesIO(encode_audio(audio)), dtype="int16")[0]
    np.testing.assert_array_equal(written, [0, 1, 0, -1, 2, 2, 3, -32768, 32767])


def test_what_is_no_audio_is_not_encoded() -> None:
    audio = audio_from_samples(sound(), RATE_HZ)
    loud = audio.samples * 3
    object.__setattr__(audio, "samples", loud)  # as a careless maker might leave it
    for write in (encode_audio, lambda a: write_audio("a.wav", a)):
        with pytest.raises(AudioError, match="must lie in"):
            write(audio)
    assert not Path("a.wav").exists()


@pytest.mark.parametrize(
    ("name", "bits", "channels", "rate_hz", "says"),
    [
        ("wav", 8, 1, 8000, "bits must be 16 or 24; got 8"),
        ("mp3", 16, 1, 8000, "unknown format 'mp3'; known: wav, flac"),
        ("flac", 16, 9, 8000, "flac holds 1 to 8 channels; got 9; write WAV"),
        ("flac", 16, 1, 96_001, "above 65,535 Hz in steps of 10; got 96,001; write WAV"),
        ("wav", 16, 1025, 8000, "wav holds 1 to 1,024 channels; got 1,025"),
        ("flac", 16, 1, 700_000, "flac holds 1 to 655,350 Hz; got 700,000; write WAV"),
    ],
)
def test_what_a_format_does_not_hold_is_refused(
    name: Any, bits: Any, channels: int, rate_hz: int, says: str, tmp_path: Path
) -> None:
    samples = np.zeros((9, channels), np.float32)
    with pytest.raises(AudioError, match=says):
        encode_audio(Audio(samples, rate_hz), name, bits=bits)
    if name != "mp3":
        with pytest.raises(AudioError, match=says):
            AudioWriter(tmp_path / f"a.{name}", rate_hz, channels=channels, bits=bits)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".mp3", ".ogg", "", ".wave"])
def test_other_endings_are_refused(ending: str, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=rf"must end in one of \.wav \.flac; got '{ending}'"):
        write_audio(tmp_path / f"a{ending}", audio_from_samples(sound(), RATE_HZ))


def test_places_that_are_none_are_refused(tmp_path: Path) -> None:
    audio = audio_from_samples(sound(), RATE_HZ)
    with pytest.raises(MissingAudioError, match="must exist; create it first"):
        write_audio(tmp_path / "no" / "a.wav", audio)
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(AudioError, match="is a folder; pass a file name"):
        write_audio(tmp_path / "b.wav", audio)


@pytest.mark.parametrize("name", ["wav", "flac"])
@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("block", [1, 700, 4096, 9000])
def test_a_stream_is_byte_for_byte_what_is_written_at_once(
    name: Any, bits: Any, block: int, tmp_path: Path
) -> None:
    samples = sound(9000 if block > 1 else 300, channels=2)
    path = tmp_path / f"a.{name}"
    with AudioWriter(path, RATE_HZ, channels=2, bits=bits) as file:
        for start in range(0, len(samples), block):
            file.write(samples[start : start + block])
            assert not path.exists()
        file.write(np.zeros((0, 2)))  # nothing to add
        assert file.frames == len(samples)
    audio = audio_from_samples(samples, RATE_HZ)
    assert path.read_bytes() == encode_audio(audio, name, bits=bits)
    at_once = write_audio(str(tmp_path / f"B.{name.upper()}"), audio, bits=bits)
    assert at_once.read_bytes() == path.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_stream_takes_constant_memory(tmp_path: Path) -> None:
    """Ten minutes at 16 kHz are 38 MB as float32."""
    script = f"""
import resource
import numpy as np
from pipelines.audio import AudioWriter
blocks = np.random.default_rng(0).uniform(-1, 1, (16, 48000)).astype(np.float32)
with AudioWriter({str(tmp_path / "a.flac")!r}, 16000) as file:
    file.write(blocks[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(200):
        file.write(blocks[number % 16])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert int(run_python(script)) < 4 * 1024  # KiB; a block and its integers are 0.3 MiB


def _interrupted_stream(path: Path) -> None:
    with AudioWriter(path, 8000) as file:
        file.write(np.zeros(100))
        raise KeyboardInterrupt


def test_an_interrupted_stream_leaves_what_there_was(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        _interrupted_stream(path)
    with pytest.raises(AudioError, match="no sample was written"), AudioWriter(path, 8000):
        pass
    with (
        pytest.raises(AudioError, match="must have 1 channels; got 2"),
        AudioWriter(path, 8000) as file,
    ):
        file.write(np.zeros((100, 2)))
    with pytest.raises(AudioError, match="finite"), AudioWriter(path, 8000) as file:
        file.write(np.array([np.nan]))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_is_open_inside_its_block_only(tmp_path: Path) -> None:
    file = AudioWriter(tmp_path / "a.wav", 8000)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="inside its with block"):
        file.write(np.zeros(9))
    for frames in (9, 5):  # a second block writes the file anew
        with file:
            file.write(np.zeros(frames))
        assert read_audio(file.path).frames == file.frames == frames
    with pytest.raises(ValueError, match="inside its with block"):
        file.write(np.zeros(9))


def test_a_wav_ends_at_4_gb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_encoding, "MOST_WAV_BYTES", 2000)
    audio = audio_from_samples(np.zeros(1001), 8000)
    with pytest.raises(AudioError, match="at most 4 GB; encode it as FLAC"):
        encode_audio(audio)
    with pytest.raises(AudioError, match="write FLAC, or several files"):
        write_audio(tmp_path / "a.wav", audio)
    assert not list(tmp_path.iterdir())
    write_audio(tmp_path / "a.flac", audio)


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_a_full_disk_is_told(name: str, tmp_path: Path) -> None:
    script = f"""
import resource
import numpy as np
from pipelines.audio import audio_from_samples, write_audio
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
noise = audio_from_samples(np.random.default_rng(0).uniform(-1, 1, 50000), 8000)
try:
    write_audio({str(tmp_path / "a.")!r} + {name!r}, noise)
except OSError as error:
    print(error)
"""
    assert f"a.{name}: cannot be written; is the disk full?" in run_python(script)
    assert not list(tmp_path.iterdir())


def test_a_new_file_has_the_rights_of_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write_audio(tmp_path / "a.wav", audio_from_samples(sound(), RATE_HZ))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_any_name_will_do(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"no \xff utf-8, \n two lines.wav")
    write_audio(path, audio_from_samples(sound(), RATE_HZ))
    assert read_audio(path).frames == 4000
