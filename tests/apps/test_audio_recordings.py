from __future__ import annotations

import numpy as np
import pytest

from apps.recordings import LIMITS, LONGEST_S, Recording
from apps.session import UploadError
from pipelines.audio import read_audio
from tests.apps.audio_page import recording
from tests.apps.handwriting import BROKEN


@pytest.mark.parametrize(
    ("form", "rate_hz", "channels", "facts", "changes"),
    [
        ("WAV", 8000, 1, "0.30 s · WAV · mono · 8,000 Hz", ""),
        ("FLAC", 8000, 2, "0.30 s · FLAC · stereo · 8,000 Hz", "mixed to one channel"),
        ("OGG", 44100, 1, "· mono · 44,100 Hz", "resampled from 44,100 to 8,000 Hz"),
        ("MP3", 48000, 2, "· stereo", "mixed to one channel, resampled from 48,000 to 8,000 Hz"),
        ("WAV", 96000, 6, "· 6 channels ·", "resampled from 96,000 to 8,000 Hz"),
    ],
)
def test_every_kind_is_taken_and_its_conversion_told(
    form: str, rate_hz: int, channels: int, facts: str, changes: str
) -> None:
    taken = Recording.of("a.x", recording(rate_hz=rate_hz, channels=channels, form=form))
    assert facts in taken.facts
    assert taken.changes(8000).endswith(changes)
    assert bool(taken.changes(8000)) == bool(changes)
    heard = taken.heard(8000)
    assert (heard.rate_hz, heard.channels, heard.source) == (8000, 1, "a.x")
    assert heard.seconds == pytest.approx(taken.seconds, abs=1 / 8000)
    assert heard.peak == pytest.approx(0.3, abs=0.05)  # lossy formats and the cut band's edge
    assert taken.heard(8000) is heard


def test_what_a_network_hears_already_stays_as_it_is() -> None:
    content = recording()
    heard = Recording.of("a.wav", content).heard(8000)
    np.testing.assert_array_equal(heard.samples, read_audio(content).samples)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "must not be empty"),
        (BROKEN, "is a picture; pass audio"),
        (recording(LONGEST_S + 0.5), "may last at most 30 seconds here; got 30.5"),
        (recording(0.01, channels=LIMITS.max_channels + 1), "at most 8 channels"),
        (recording()[:-200], "is cut short"),
    ],
    ids=["empty", "picture", "long", "channels", "truncated"],
)
def test_what_is_refused_is_told_without_a_name_of_ours(content: bytes, rule: str) -> None:
    with pytest.raises(UploadError, match=rule) as refusal:
        Recording.of("a.wav", content)
    assert "<bytes>" not in str(refusal.value)


@pytest.mark.parametrize(("name", "stem"), [("../a b!.wav", "a b"), ("...", "recording")])
def test_files_are_named_after_it(name: str, stem: str) -> None:
    assert Recording.of(name, recording(0.01)).stem == stem
