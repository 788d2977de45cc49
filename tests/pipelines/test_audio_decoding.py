"""Files of every kind: the right samples, or a refusal; never a part of what there was."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines import audio_decoding
from pipelines.audio import AudioError, read_audio
from pipelines.audio_containers import incompleteness
from tests.conftest import DATA_PACK
from tests.pipelines.encoded_audio import RATE_HZ, encode, sound, wav
from tests.pipelines.python_process import run_python

# The largest error that a coding of so many bits may leave: half a level, or one where it truncates
# or its full scale is 127; a logarithmic or adaptive one is near 40 dB below a half.
EXACT_CODINGS = {
    ("WAV", "PCM_U8"): 2.0**-7,
    ("WAV", "PCM_16"): 2.0**-15,
    ("WAV", "PCM_24"): 2.0**-23,
    ("WAV", "PCM_32"): 2.0**-24,  # of float32, above 0.5
    ("WAV", "FLOAT"): 2.0**-25,
    ("WAV", "DOUBLE"): 2.0**-25,
    ("WAVEX", "PCM_16"): 2.0**-15,
    ("WAVEX", "PCM_24"): 2.0**-23,
    ("FLAC", "PCM_S8"): 2.0**-7,
    ("FLAC", "PCM_16"): 2.0**-15,
    ("FLAC", "PCM_24"): 2.0**-23,
    ("WAV", "ULAW"): 0.02,
    ("WAV", "ALAW"): 0.02,
}
LOSSY_CODINGS = (("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))


@pytest.mark.parametrize("coding", EXACT_CODINGS, ids="-".join)
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate_hz", [8000, 96_000])
def test_samples_come_out_right(coding: tuple[str, str], channels: int, rate_hz: int) -> None:
    samples = sound(500, channels, rate_hz=rate_hz)
    audio = read_audio(encode(samples, *coding, rate_hz=rate_hz))
    assert (audio.samples.shape, audio.rate_hz) == ((500, channels), rate_hz)
    assert audio.format == ("FLAC" if coding[0] == "FLAC" else "WAV")
    assert np.abs(audio.samples - samples).max() <= EXACT_CODINGS[coding]


@pytest.mark.parametrize("coding", LOSSY_CODINGS, ids="-".join)
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_files_sound_alike(coding: tuple[str, str], channels: int) -> None:
    samples = sound(RATE_HZ, channels)
    audio = read_audio(encode(samples, *coding))
    assert (audio.channels, audio.rate_hz, audio.format) == (channels, RATE_HZ, coding[0])
    assert audio.frames == RATE_HZ
    # Coders may move phases a little: the spectra are compared, where the tones are.
    ours, theirs = (np.abs(np.fft.rfft(x, axis=0)) for x in (audio.samples, samples))
    for channel in range(channels):
        tone_hz = 200 * (1 + channel)  # a bin a hertz
        assert ours[:, channel].argmax() == tone_hz
        assert ours[tone_hz, channel] == pytest.approx(theirs[tone_hz, channel], rel=0.1)


@pytest.mark.parametrize(
    "coding", [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")]
)
def test_a_single_sample(coding: tuple[str, str]) -> None:
    audio = read_audio(encode(np.array([0.5]), *coding))
    assert audio.samples.shape == (1, 1)
    assert audio.seconds == 1 / RATE_HZ
    if coding[0] != "OGG":
        assert audio.samples[0, 0] == pytest.approx(0.5, abs=2**-15)


@pytest.mark.parametrize(
    "coding",
    [
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("WAV", "IMA_ADPCM"),
        ("FLAC", "PCM_16"),
        *LOSSY_CODINGS,
    ],
    ids="-".join,
)
def test_a_file_cut_short_at_any_length_is_refused(coding: tuple[str, str]) -> None:
    data = encode(sound(channels=2), *coding)
    whole = read_audio(data)
    near_the_ends = (*range(0, 64, 3), *range(len(data) - 64, len(data)))
    for length in {*near_the_ends, *range(64, len(data), len(data) // 60)}:
        with pytest.raises(AudioError, match=r"cut short|is empty|is no audio|is a RIFF file"):
            read_audio(data[:length])
    assert read_audio(data).frames == whole.frames


def test_an_mp3_cut_between_frames_is_told_by_its_tag() -> None:
    data = encode(sound(RATE_HZ), "MP3", "MPEG_LAYER_III")
    untagged = data.replace(b"Info", bytes(4)).replace(b"Xing", bytes(4))
    boundaries = [n for n in range(4, len(data)) if incompleteness("MP3", untagged[:n]) is None]
    assert len(boundaries) > 20  # 1 second in frames of 576 samples: nothing else could tell
    for length in boundaries:
        assert "is cut short" in (incompleteness("MP3", data[:length]) or "")


@pytest.mark.parametrize("tag", [b"TAG" + bytes(125), b"APETAGEX" + bytes(24), bytes(500)])
def test_tags_around_an_mp3_are_no_damage(tag: bytes) -> None:
    data = encode(sound(), "MP3", "MPEG_LAYER_III")
    before = b"ID3\4\0\0\0\0\1\2" + bytes(130)  # seven bits of size a byte: 130
    expected = read_audio(data).samples
    np.testing.assert_array_equal(read_audio(before + data + tag).samples, expected)


def test_what_follows_the_samples_of_a_wav_is_left_alone() -> None:
    data = wav(np.arange(9, dtype="<i2").tobytes())
    listed = data + b"LIST" + struct.pack("<I", 4) + b"INFO"
    np.testing.assert_array_equal(read_audio(listed).samples, read_audio(data).samples)
    odd = data[:12] + b"note" + struct.pack("<I", 3) + b"abc\0" + data[12:]  # padded to even
    np.testing.assert_array_equal(read_audio(odd).samples, read_audio(data).samples)


def test_an_ogg_ends_with_its_only_stream() -> None:
    data = encode(sound(), "OGG", "VORBIS")
    assert incompleteness("OGG", data) is None
    without_end = data[: data.rindex(b"OggS")]
    assert incompleteness("OGG", without_end) == "is cut short: its last page is missing"
    assert "no page of Ogg at byte" in (incompleteness("OGG", data + bytes(30)) or "")


@pytest.mark.parametrize("coding", [("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")])
def test_blocks_do_not_show(coding: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(sound(channels=3), *coding)
    expected = read_audio(data).samples
    monkeypatch.setattr(audio_decoding, "BLOCK_SAMPLES", 1000)
    np.testing.assert_array_equal(read_audio(data).samples, expected)


def test_what_a_lossy_coder_overshoots_is_clipped_and_counted() -> None:
    square = np.sign(np.sin(np.arange(RATE_HZ) * 0.05))
    data = encode(square, "OGG", "VORBIS")
    decoded = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    beyond = int((np.abs(decoded) > 1).sum())
    assert beyond > 100
    audio = read_audio(data)
    assert audio.clipped == beyond
    np.testing.assert_array_equal(audio.mono, np.clip(decoded, -1, 1))


def test_a_header_that_lies_asks_for_no_memory() -> None:
    """With all limits lifted, a FLAC promises 256 GB, as float32, and has 16 KB."""
    script = """
import resource
from pipelines.audio import AudioError, AudioLimits, read_audio
from tests.pipelines.encoded_audio import encode, flac_that_promises, sound
data = flac_that_promises(2**36 - 1)
read_audio(encode(sound(), "FLAC"))  # what reading needs anyway
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_audio(data, limits=AudioLimits(max_samples=2**40))
except AudioError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert int(run_python(script)) < 32 * 1024  # KiB, of which a block of samples is 4 MiB


@pytest.mark.data
def test_real_recordings_are_read(tmp_path: Path) -> None:
    command = [sys.executable, str(DATA_PACK / "unpack.py"), str(tmp_path), "fsdd", "audio"]
    subprocess.run(command, check=True, capture_output=True)
    digits = sorted((tmp_path / "fsdd").rglob("*.wav"))
    assert len(digits) == 2880
    for path in digits[::10]:
        audio = read_audio(path)
        assert (audio.rate_hz, audio.channels, audio.format) == (8000, 1, "WAV")
        assert 0.1 < audio.seconds < 3
        assert audio.peak > 0.01
    others = [p for p in (tmp_path / "audio").rglob("*") if p.suffix in (".mp3", ".flac", ".ogg")]
    formats = {read_audio(path).format for path in others[::8]}
    assert formats == {"MP3", "FLAC", "OGG"}
