"""Sound as a picture: the waveform, and below it the spectrogram on the same axis of time."""

from __future__ import annotations

import math
import threading
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.settings import SETTINGS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipelines.audio_features import MelSpec
    from pipelines.audio_waveform import Audio

BINS = 1500  # of the envelope: more than a screen has columns for it
WIDTH_PX, HEIGHT_PX = 326, 236  # what a card has room for, on a phone as on a wide page
SHARP = 2  # pixels of the picture for one of the page, along each side
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 56, 10, 4, 34
WAVE_PX, GAP_PX = 62, 8
FONT_PX = 11
POINTS = 72 / 100  # of one pixel: figures are made as if 100 of them were an inch
TICKS_HZ = (0, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
APART = 0.09  # of the axis's length that its ticks are apart, at least
QUIETEST = 1e-3  # the least peak that the waveform's height is drawn for: 60 dB below full scale

# matplotlib shares its fonts' caches among threads, without a lock of its own.
_lock = threading.Lock()


def envelope(samples: np.ndarray, bins: int = BINS) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest sample of each of so many equal parts, at most N.

    A line through 160,000 points is neither drawn quickly nor seen; this is the same picture.

    Args:
        samples: (N,), N at least 1.
        bins: Parts.

    Returns:
        Two arrays (min(N, bins),).
    """
    count = min(bins, len(samples))
    starts = np.arange(count) * len(samples) // count
    return np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)


def draw_sound(audio: Audio, mel: MelSpec, *, dark: bool, given_s: float = 0.0) -> bytes:
    """Draw a clip as a PNG file, on no background, with axes in seconds and in Hz.

    Args:
        audio: One channel, at the rate of `mel`.
        mel: What the spectrogram is made with.
        dark: Whether it is for the dark theme.
        given_s: So many seconds at the beginning were not made but given: they are drawn in grey.

    Raises:
        AudioError: There are several channels.
        ImportError: librosa is not installed.
    """
    import tensorflow as tf
    from matplotlib.figure import Figure

    from pipelines.audio_features import log_mel

    frames = log_mel(tf.constant(audio.mono[None]), mel).numpy()[0]
    file = BytesIO()
    with _lock:
        dpi = 100 * SHARP
        figure = Figure(figsize=(WIDTH_PX / 100, HEIGHT_PX / 100), dpi=dpi)
        colours = {
            name: str(SETTINGS[f"theme.{'dark' if dark else 'light'}.{name}"])
            for name in ("primaryColor", "textColor", "borderColor")
        }
        heights = WAVE_PX, HEIGHT_PX - TOP_PX - WAVE_PX - GAP_PX - BOTTOM_PX
        wave = _axes(figure, TOP_PX, heights[0], colours)
        spectrum = _axes(figure, TOP_PX + WAVE_PX + GAP_PX, heights[1], colours)
        _draw_waveform(wave, audio, given_s, colours)
        _draw_spectrogram(spectrum, frames, mel, audio.seconds)
        for axes in (wave, spectrum):
            axes.set_xlim(0, audio.seconds)
            if given_s:
                axes.axvline(
                    given_s, color=colours["textColor"], linewidth=0.8, linestyle=(0, (3, 2))
                )
        figure.savefig(file, format="png", dpi=dpi, transparent=True)
    return file.getvalue()


def frequency_ticks(mel: MelSpec) -> dict[float, str]:
    """Return where round frequencies lie on an axis of bands, and how they are written.

    Band k has its centre at k; the lowest begins at -1 and the highest ends at `mel.mels`, of which
    an axis shows all but the outer halves.
    """
    import librosa

    known = librosa.mel_frequencies(n_mels=mel.mels + 2, fmin=mel.low_hz, fmax=mel.high_hz)
    ticks: dict[float, str] = {}
    last = -math.inf
    for hz in TICKS_HZ:
        if not mel.low_hz <= hz <= mel.high_hz:
            continue
        place = float(np.interp(hz, known, np.arange(-1, mel.mels + 1)))
        place = min(max(place, -0.5), mel.mels - 0.5)
        if place - last >= APART * mel.mels:
            ticks[place], last = f"{hz:,}", place
    return ticks


def _axes(figure: Figure, top_px: float, height_px: float, colours: dict[str, str]) -> Any:
    """Add axes that are so high and begin so far below the figure's top."""
    left, width = LEFT_PX / WIDTH_PX, (WIDTH_PX - LEFT_PX - RIGHT_PX) / WIDTH_PX
    bottom = 1 - (top_px + height_px) / HEIGHT_PX
    axes = figure.add_axes((left, bottom, width, height_px / HEIGHT_PX), facecolor="none")
    axes.tick_params(
        labelsize=FONT_PX * POINTS, colors=colours["textColor"], length=3, width=0.6, pad=2.5
    )
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.xaxis.label.set(color=colours["textColor"], size=FONT_PX * POINTS)
    axes.yaxis.label.set(color=colours["textColor"], size=FONT_PX * POINTS)
    return axes


def _draw_waveform(axes: Any, audio: Audio, given_s: float, colours: dict[str, str]) -> None:
    lowest, highest = envelope(audio.mono)
    at_s = np.linspace(0, audio.seconds, len(lowest))
    for is_given, colour in ((True, colours["textColor"]), (False, colours["primaryColor"])):
        there = (at_s < given_s) == is_given
        axes.fill_between(
            at_s,
            lowest,
            highest,
            where=there,
            color=colour,
            alpha=0.5 if is_given else 1.0,
            linewidth=0.6,  # so that what is flat is seen, too
        )
    height = 1.05 * max(audio.peak, QUIETEST)
    axes.axhline(0, color=colours["borderColor"], linewidth=0.6, zorder=0)
    axes.set_ylim(-height, height)
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_spectrogram(axes: Any, frames: np.ndarray, mel: MelSpec, seconds: float) -> None:
    from pipelines.audio_picture import draw_spectrogram

    picture = draw_spectrogram(
        frames, width_px=SHARP * WIDTH_PX, height_px=SHARP * HEIGHT_PX
    )  # the same colours as everywhere else
    hop_s = mel.hop_samples / mel.rate_hz
    times = -hop_s / 2, (len(frames) - 0.5) * hop_s  # frame k is centred at k hops
    axes.imshow(
        np.asarray(picture), aspect="auto", extent=(*times, -0.5, mel.mels - 0.5), origin="upper"
    )
    axes.set_ylim(-0.5, mel.mels - 0.5)
    ticks = frequency_ticks(mel)
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.set_ylabel("Hz", labelpad=1)
    axes.set_xlabel("Seconds", labelpad=1.5)
    axes.locator_params(axis="x", nbins=6, min_n_ticks=2)
    axes.set_xlim(0, seconds)
