"""How the shipped generators were trained, as data; `training` trains so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from pipelines.audio_features import MelSpec
from pipelines.audio_generation.data import FSDD, RATE_HZ
from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import Schedule

LICENCE = "CC BY-SA 4.0 (Free Spoken Digit Dataset)"

# 80 frames a second of 50 ms, as usual; and 32 bands, so that there are as many values to a sample
# as where speech of 22,050 Hz has 80. With 64 bands every 10 ms, Griffin-Lim is nearly transparent.
MEL = MelSpec(
    rate_hz=RATE_HZ,
    fft_samples=512,
    hop_samples=100,
    window_samples=400,
    mels=32,
    low_hz=0.0,
    high_hz=4_000.0,
)


@dataclass(frozen=True, kw_only=True)
class GeneratorRecipe:
    """One training of a generator: which network on which recordings, how, and what to expect.

    Attributes:
        title: One line for people.
        model: The network's name in the catalog.
        given: What the network is told besides the samples: nothing, which digit and speaker it is,
            or the recording's spectrogram.
        level_db: What each recording's peak is brought to; None leaves them as they are.
        guidance: How strongly the preset means its first label where nobody says.
        window_samples: Of each recording at a time.
        plan: How long and how fast.
        expected: The figures to expect, and the cost.
        licence: What the data's authors state.
    """

    title: str
    model: str = "wavenet_small"
    given: Literal["nothing", "labels", "mel"]
    level_db: float | None = None
    guidance: float = 1.0
    window_samples: int = 4_096
    plan: TrainingPlan
    expected: str
    licence: str = LICENCE

    @property
    def data(self) -> str:
        """The set's name: all are trained on the same."""
        return FSDD


# Of the plans that were tried for 730 steps, Muon at 1e-2 foretold recordings best (4.60 bits per
# sample; Adam at 4e-3 4.71). Without decay its steps let the kernels grow until the gates were
# saturated: the loss rose from the third epoch on.
PLAN = TrainingPlan(
    epochs=3,
    batch_size=1,
    peak_rate=8e-3,
    optimizer="muon",
    weight_decay=0.1,
    average=0.999,
    schedule=Schedule(kind="cosine", warm_up=0.02),
)
SPEECH = GeneratorRecipe(
    title="Unconditional WaveNet: six voices that count at random",
    given="nothing",
    plan=PLAN,
    expected="3.89 bits per sample on takes 2 to 4, where a bigram needs 5.45 and AR(32) 5.33; 23 "
    "minutes on a core",
)

RECIPES: Mapping[str, GeneratorRecipe] = MappingProxyType(
    {
        "wavenet_speech": SPEECH,
        "wavenet_digits": replace(
            SPEECH,
            title="WaveNet that says a digit in one of six voices",
            # A word lasts half a second; hearing half as much, its end is taken for its beginning.
            model="wavenet_long",
            window_samples=5_120,
            given="labels",
            guidance=1.5,
            plan=replace(PLAN, epochs=9),
            expected="3.72 bits per sample on takes 2 to 4; listeners that learned from real "
            "recordings recognise four in five digits, and more of the speakers, see "
            "`benchmarks/wavenet_samples.py`; 71 minutes on a core",
        ),
        "wavenet_vocoder": replace(
            SPEECH,
            title="WaveNet vocoder: speech at 8 kHz from its log-mel spectrogram",
            given="mel",
            level_db=-1.0,
            expected="4.52 bits per sample on takes 2 to 4, brought to -1 dB; on the same "
            "spectrograms Griffin-Lim is more exact and better understood, while the vocoder keeps "
            "the pitch better; 30 minutes on a busy core",
            window_samples=4_100,  # 41 frames
        ),
    }
)
