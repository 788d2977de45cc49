"""What came of a wish for sound: clips to hear, to look at and to take away."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from apps.sound_pictures import draw_sound
from apps.sound_wish import Elsewhere
from pipelines.audio import Audio, encode_audio

if TYPE_CHECKING:
    from pipelines.audio_features import MelSpec
    from pipelines.audio_results import GeneratedAudio, ScoredAudio

DOT = " · "

Form = Literal["wav", "flac"]


@dataclass(frozen=True, eq=False)
class Take:
    """One clip.

    Attributes:
        title: What it is.
        facts: How long it is and how it was made, in words.
        audio: Its sound, of one channel.
        mel: What its spectrogram is made with; at its rate.
        stem: Its file's name without the ending.
        given_s: How many of its seconds, at the beginning, were given.
        key: Tells it from all others.
    """

    title: str
    facts: str
    audio: Audio
    mel: MelSpec
    stem: str
    given_s: float = 0.0
    key: str = field(default_factory=secrets.token_hex)
    _pictures: dict[bool, bytes] = field(default_factory=dict)

    @classmethod
    def of(
        cls, made: GeneratedAudio, mel: MelSpec, *, title: str, stem: str, was_compiled: bool
    ) -> Take:
        """Take what a network made.

        Args:
            made: The clip.
            mel: What its spectrogram is made with.
            title: What it is called; its labels follow.
            stem: What its file's name begins with; labels and seed follow.
            was_compiled: Whether the network's loop was; else nobody knows how long the clip took.
        """
        words = list(made.labels.values())
        # A preset from elsewhere may call its classes anything.
        safe = [re.sub(r"[^\w-]+", "-", word) for word in words]
        facts = (
            f"{made.seconds:.2f} s",
            f"seed {made.seed}",
            f"made in {made.timing_ms / 1000:.2f} s" if was_compiled else "compiled first",
        )
        return cls(
            title=DOT.join(word for word in (title, *words) if word),
            facts=DOT.join(facts),
            audio=made.audio,
            mel=mel,
            stem="_".join(word for word in (stem, *safe, str(made.seed)) if word),
            given_s=made.given_s,
        )

    @cached_property
    def wav(self) -> bytes:
        """The clip as a WAV file: of an array, Streamlit would make one at full scale."""
        return encode_audio(self.audio, "wav")

    def file(self, form: Form) -> bytes:
        """Return the clip as a file."""
        return self.wav if form == "wav" else encode_audio(self.audio, form)

    def picture(self, *, dark: bool) -> bytes:
        """Return the clip as a PNG file for the dark or the light theme, drawn once."""
        if dark not in self._pictures:
            drawn = draw_sound(self.audio, self.mel, dark=dark, given_s=self.given_s)
            self._pictures[dark] = drawn
        return self._pictures[dark]

    @property
    def size_bytes(self) -> int:
        """The memory that it takes, but for what is small."""
        pictures = sum(len(picture) for picture in self._pictures.values())
        return self.audio.samples.nbytes + len(self.wav) + pictures


@dataclass(frozen=True, eq=False)
class Made:
    """What came of one wish.

    Attributes:
        takes: The clips that a network made.
        elsewhere: How to make the first of them without these pages.
        heard: The recording, as a network heard it, to compare them with.
        score: What a network thinks of the recording, where that was asked for.
    """

    takes: tuple[Take, ...]
    elsewhere: Elsewhere
    heard: Take | None = None
    score: ScoredAudio | None = None

    @property
    def all_takes(self) -> tuple[Take, ...]:
        """What there is to hear, in order."""
        return self.takes if self.heard is None else (self.heard, *self.takes)

    @property
    def size_bytes(self) -> int:
        """The memory that it takes, but for what is small."""
        return sum(take.size_bytes for take in self.all_takes)
