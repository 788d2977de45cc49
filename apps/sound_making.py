"""From a wish for sound to what came of it: what a thread of the server does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from apps.recordings import Recording
from apps.sound_wish import Aim, Elsewhere, Wish
from apps.takes import DOT, Made, Take
from apps.thread_work import Told
from pipelines.audio import Audio, AudioError

if TYPE_CHECKING:
    from pipelines.audio_features import MelSpec
    from pipelines.audio_results import GeneratedAudio

TITLES = {Aim.SPEAK: "", Aim.CONTINUE: "Continued", Aim.VOCODE: "Said anew"}
ENDINGS = {Aim.CONTINUE: "_continued", Aim.VOCODE: "_vocoded"}  # of files' names

# The loops that have run in this process, by their pipeline.
_compiled: WeakKeyDictionary[Any, set[tuple[str, bool]]] = WeakKeyDictionary()


def is_compiled(pipeline: Any, wish: Wish) -> bool:
    """Return whether the loop that a wish needs has run already, and will start at once."""
    compiled = _compiled.get(pipeline, ())
    return wish.aim is Aim.SCORE or wish.loop(pipeline.guidance) in compiled


def make(pipeline: Any, wish: Wish, dark: bool, told: Told) -> Made:
    """Do what is wished.

    Args:
        pipeline: An `AudioGeneration`.
        wish: What.
        dark: Whether the clips are drawn for the dark theme first.
        told: Called with the number of samples that are done, and of all.

    Raises:
        ValueError: It cannot be done; the message says why.
    """
    try:
        audio = None if wish.recording is None else wish.recording.heard(pipeline.rate_hz)
        if wish.aim is Aim.SCORE:
            made = _scored(pipeline, wish, audio)
        else:
            made = _generated(pipeline, wish, audio, told)
        for take in made.all_takes:
            take.picture(dark=dark)
    except (AudioError, ImportError) as error:  # the latter says what to install
        raise ValueError(str(error)) from error
    return made


def _generated(pipeline: Any, wish: Wish, audio: Audio | None, told: Told) -> Made:
    was_compiled = is_compiled(pipeline, wish)
    clips = list(_clips(pipeline, wish, audio, told))
    title, mel = TITLES[wish.aim], _mel_of(pipeline)
    stem = "" if wish.recording is None else wish.recording.stem + ENDINGS[wish.aim]
    if not stem and not pipeline.labels:
        title, stem = "New sound", "sound"
    takes = tuple(
        Take.of(clip, mel, title=title, stem=stem, was_compiled=was_compiled or place > 0)
        for place, clip in enumerate(clips)
    )
    first = clips[0]
    return Made(
        takes,
        Elsewhere.of(
            wish,
            pipeline.preset,
            seed=first.seed,
            labels=first.labels,
            name=f"{takes[0].stem}.wav",
        ),
        heard=_heard(wish.recording, audio, mel) if wish.aim is Aim.VOCODE else None,
    )


def _clips(pipeline: Any, wish: Wish, audio: Audio | None, told: Told) -> Iterator[GeneratedAudio]:
    """Generate the takes, one after the other."""
    for place, seed in enumerate(wish.seeds):
        options = {
            **wish.labels,
            **wish.drawing,
            "seed": seed,
            "on_block": partial(_tell, pipeline, wish, place, told),
        }
        match wish.aim:
            case Aim.SPEAK:
                yield pipeline.generate(wish.seconds, **options)
            case Aim.CONTINUE:
                yield pipeline.continue_from(audio, wish.seconds, **options)
            case Aim.VOCODE:
                yield pipeline.vocode(audio, **options)


def _tell(pipeline: Any, wish: Wish, place: int, told: Told, done: int, of: int) -> None:
    """Tell how far all takes are, by the samples of the one at `place`."""
    _compiled.setdefault(pipeline, set()).add(wish.loop(pipeline.guidance))
    told(place * of + done, wish.takes * of)


def _scored(pipeline: Any, wish: Wish, audio: Audio | None) -> Made:
    labels = {name: word for name, word in wish.labels.items() if word is not None}
    score = pipeline.score(audio, **labels)
    elsewhere = Elsewhere.of(wish, pipeline.preset, seed=None, labels=labels, name="")
    heard = _heard(wish.recording, audio, _mel_of(pipeline))
    return Made((), elsewhere, heard=heard, score=score)


def _heard(recording: Recording | None, audio: Audio | None, mel: MelSpec) -> Take:
    """Return a recording as a network hears it."""
    assert recording is not None
    assert audio is not None
    facts = (f"{audio.seconds:.2f} s", recording.changes(audio.rate_hz))
    return Take(
        title=recording.upload.name,
        facts=DOT.join(fact for fact in facts if fact),
        audio=audio,
        mel=mel,
        stem=f"{recording.stem}_heard",
    )


def _mel_of(pipeline: Any) -> MelSpec:
    """Return what the clips' spectrograms are made with: as the network's own, if it takes some."""
    from pipelines.audio_picture import usual_mel

    mel: MelSpec | None = pipeline.mel
    return mel or usual_mel(pipeline.rate_hz)
