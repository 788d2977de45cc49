from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import pipelines.presets
from apps.generating import MOST_KEPT, Generation, Visit, generations
from apps.jobs import State
from apps.plain_text import plain
from apps.preset_card import title
from apps.recordings import Recording
from apps.session import load_pipeline
from apps.sound_form import ANY
from apps.sound_making import is_compiled
from apps.sound_wish import MOST_TAKES, Aim, Elsewhere, Wish
from apps.takes import Made, Take
from apps.tasks import AUDIO
from apps.thread_work import AT_ONCE, MOST_WAITING, Told, Work
from pipelines.audio import audio_from_samples, encode_audio, read_audio
from pipelines.audio_picture import usual_mel
from sightsound.cli import main
from tests.apps.audio_page import (
    PLAIN,
    SPEAKER,
    VOCODER,
    aim_at,
    choose_preset,
    heard,
    made,
    recording,
    save_micro_presets,
    upload,
    visit_of,
    wait,
)
from tests.apps.handwriting import BROKEN
from tests.apps.test_classify import errors
from tests.apps.upscale_page import LONG_S, button, press, texts
from tests.pipelines.audio_generation.generators import SPEAKERS

HOSTILE = "![x](http://evil.example/x.png) <script> :material/home: .wav"


@pytest.fixture(scope="module")
def presets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny presets that make sound."""
    folder: Path = tmp_path_factory.mktemp("presets")
    save_micro_presets(folder)
    return folder


@pytest.fixture
def audio(app: AppTest, presets: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page that makes sound, by tiny presets, in a new visitor's session."""
    monkeypatch.setattr(pipelines.presets, "SHIPPED", presets)
    page = app.switch_page("views/audio.py").run()
    page.slider(key="audio.seconds").set_value(0.5)
    yield page.run()
    generations.clear()  # ends all work


def test_the_page_starts_with_a_network_that_speaks(audio: AppTest) -> None:
    assert not audio.exception
    assert audio.selectbox(key="audio.preset").options == [
        title(name) for name in (SPEAKER, PLAIN, VOCODER)
    ]
    aims = audio.button_group(key="audio.aim.generator")
    assert aims.options == [aim.value for aim in (Aim.SPEAK, Aim.CONTINUE, Aim.SCORE)]
    assert not button(audio, "Generate").disabled
    assert not heard(audio)


def test_a_word_is_said_as_by_the_pipeline_and_can_be_heard(audio: AppTest) -> None:
    audio.selectbox(key=f"audio.label.{SPEAKER}.label").set_value("seven")
    audio.selectbox(key=f"audio.label.{SPEAKER}.speaker").set_value("theo")
    audio.number_input(key="audio.seed").set_value(7)
    (take,) = made(audio).takes
    network = load_pipeline(AUDIO.task, SPEAKER, lambda _: None)
    wanted = network.generate(0.5, seed=7, label="seven", speaker="theo")
    np.testing.assert_array_equal(take.audio.mono, wanted.waveform)
    assert f"**{plain('seven · theo')}**" in texts(audio)
    assert take.wav == encode_audio(wanted.audio)
    for form in ("wav", "flac"):
        np.testing.assert_array_equal(
            read_audio(take.file(form)).samples, read_audio(take.wav).samples
        )
    (player,) = heard(audio)
    assert player.url.endswith(".wav")
    downloads = audio.get("download_button")
    assert [one.proto.label for one in downloads] == ["WAV", "FLAC"]
    assert take.stem == "seven_theo_7"


def test_several_takes_count_up_from_a_seed_and_have_new_ones_without(audio: AppTest) -> None:
    audio.button_group(key="audio.takes").set_value(3)
    audio.number_input(key="audio.seed").set_value(5)
    takes = made(audio).takes
    assert [take.stem.rpartition("_")[2] for take in takes] == ["5", "6", "7"]
    audio.number_input(key="audio.seed").set_value(None)
    again = [take.stem.rpartition("_")[2] for take in made(audio).takes]
    assert len(set(again)) == 3
    assert not set(again) & {"5", "6", "7"}
    assert len(heard(audio)) == 6


def test_the_oldest_makes_room() -> None:
    audio = audio_from_samples(np.zeros(80, np.float32), 8000)
    take = Take(title="", facts="", audio=audio, mel=usual_mel(8000), stem="")
    visit = Visit()
    results: list[Made] = []
    for _ in range(MOST_KEPT // MOST_TAKES + 2):
        results.insert(0, Made((take,) * MOST_TAKES, Elsewhere("")))
        visit.work = Generation(None, Wish(aim=Aim.SPEAK), dark=False)
        visit.work.outcome = results[0]
        visit.settle()
    assert visit.made == results[:-2]
    assert visit.work is None


# From a recording ------------------------------------------------------------------------------


def test_a_recording_is_continued_and_its_conversion_told(audio: AppTest) -> None:
    page = aim_at(choose_preset(audio, PLAIN), Aim.CONTINUE)
    assert "Continue" not in [one.label for one in page.button]
    page = upload(page, recording(0.3, rate_hz=16000, channels=2), "a talk.wav")
    assert [text.value for text in page.caption] == [
        plain(
            "0.30 s · WAV · stereo · 16,000 Hz. The network hears it mixed to one channel, "
            "resampled from 16,000 to 8,000 Hz.",
            limit=300,
        )
    ]
    (take,) = made(page, "Continue").takes
    assert (take.given_s, take.audio.seconds) == (0.3, 0.8)
    assert take.stem.startswith("a talk_continued_")
    given = Recording.of("x", recording(0.3, rate_hz=16000, channels=2)).heard(8000).mono
    off = np.abs(take.audio.mono[: len(given)] - given)
    assert off.max() < 0.02  # half a level of mu-law near 0.3


def test_the_microphone_is_another_way_in(audio: AppTest) -> None:
    page = aim_at(audio, Aim.CONTINUE)
    page.audio_input[0].set_value(("voice.wav", recording(rate_hz=16000), "audio/wav"))
    assert f"**{plain('voice.wav')}**" in texts(page.run())
    assert not button(page, "Continue").disabled


def test_a_vocoder_says_a_recording_anew_beside_it(audio: AppTest) -> None:
    page = choose_preset(audio, VOCODER)
    assert page.button_group(key="audio.aim.vocoder").value is Aim.VOCODE
    result = made(upload(page, recording()), "Say it anew")
    assert result.heard is not None
    np.testing.assert_array_equal(result.heard.audio.mono, read_audio(recording()).mono)
    (take,) = result.takes
    assert take.audio.frames == result.heard.audio.frames
    assert not np.array_equal(take.audio.samples, result.heard.audio.samples)
    assert take.stem.startswith("hello_vocoded_")
    assert len(heard(page)) == 3  # what was handed over, and the pair


def test_a_recording_is_scored(audio: AppTest) -> None:
    page = upload(aim_at(choose_preset(audio, PLAIN), Aim.SCORE), recording())
    score = made(page, "Score").score
    assert score is not None
    assert score.deviations is not None
    assert [metric.value for metric in page.metric] == [f"{score.bits_per_sample:.2f}"]
    word = "an outlier" if score.outlier else "as expected"
    assert any(f"**{word}**" in text for text in texts(page))


def test_to_score_by_a_network_of_labels_one_of_each_must_be_chosen(audio: AppTest) -> None:
    page = upload(aim_at(audio, Aim.SCORE), recording())
    speakers = page.selectbox(key=f"audio.score.{SPEAKER}.speaker")
    assert speakers.options == list(SPEAKERS)
    speakers.set_value("theo")
    score = made(page, "Score").score
    assert score is not None
    assert score.labels == {"label": "zero", "speaker": "theo"}
    assert any("needs 8" in text for text in texts(page))
    assert page.selectbox(key=f"audio.score.{SPEAKER}.speaker").value != ANY


@pytest.mark.parametrize("name", ["hello.wav", HOSTILE])
def test_a_broken_file_is_told_as_plain_text(audio: AppTest, name: str) -> None:
    page = upload(upload(aim_at(audio, Aim.CONTINUE), recording()), BROKEN, name)
    assert list(errors(page)) == [plain(name)]
    assert "<bytes>" not in next(iter(errors(page).values()))
    assert "Continue" not in [one.label for one in page.button]  # the one before has gone
    assert not upload(page, recording()).error


def test_a_hostile_name_is_shown_as_it_is(audio: AppTest) -> None:
    page = upload(aim_at(choose_preset(audio, VOCODER), Aim.VOCODE), recording(), HOSTILE)
    (take,) = made(page, "Say it anew").takes
    assert f"**{plain(HOSTILE)}**" in texts(page)
    assert take.stem.startswith("home_vocoded_")


# Meanwhile -------------------------------------------------------------------------------------


def test_the_progress_is_told_and_can_be_cancelled(audio: AppTest) -> None:
    audio.slider(key="audio.seconds").set_value(20.0)
    audio.button_group(key="audio.takes").set_value(MOST_TAKES)
    page = press(audio, "Generate")
    assert button(page, "Generate").disabled
    work = visit_of(page).work
    assert work is not None
    deadline = time.monotonic() + LONG_S
    while not work.steps[0]:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    page.run()
    assert page.get("progress")[0].proto.text.endswith("of 80.0 seconds")
    page = press(page, "Cancel")
    page = wait(page)
    assert work.state is State.STOPPED
    assert work.steps[0] < work.steps[1]
    assert [info.value for info in page.info] == ["Cancelled."]
    assert not visit_of(page).made
    assert not button(page, "Generate").disabled


@pytest.mark.usefixtures("audio")
def test_the_compiling_is_told_once() -> None:
    pipeline = load_pipeline(AUDIO.task, PLAIN, lambda _: None)
    wish = Wish(aim=Aim.SPEAK, seconds=0.5, drawing={"top_p": 0.9})
    work = Generation(pipeline, wish, dark=True)
    assert not work.is_compiling  # nothing runs
    generations().start(work)
    deadline = time.monotonic() + LONG_S
    told = False
    while work.is_active:
        assert time.monotonic() < deadline
        told |= work.is_compiling
        time.sleep(0.001)
    assert told
    assert is_compiled(pipeline, wish)
    assert work.outcome is not None
    assert work.outcome.takes[0].facts.endswith("compiled first")
    again = Generation(pipeline, wish, dark=True)
    again.state = State.RUNNING
    assert not again.is_compiling


@pytest.fixture
def occupy() -> Iterator[Callable[[int], None]]:
    """Let other visitors have work under way."""
    is_over = threading.Event()

    def hold(_: Told) -> Made:
        assert is_over.wait(LONG_S)
        raise ValueError("over")

    def occupy(pieces: int) -> None:
        for _ in range(pieces):
            generations().start(Work(hold))

    yield occupy
    is_over.set()


def test_other_visitors_are_waited_for(audio: AppTest, occupy: Callable[[int], None]) -> None:
    occupy(AT_ONCE)
    page = press(audio, "Generate")
    waiting = f"Waiting for {AT_ONCE} other wishes on this server"
    assert page.get("progress")[0].proto.text == waiting
    page = press(page, "Cancel")
    assert [info.value for info in page.info] == ["Cancelled."]


def test_too_many_visitors_are_told_to_come_back(
    audio: AppTest, occupy: Callable[[int], None]
) -> None:
    occupy(AT_ONCE + MOST_WAITING)
    page = press(audio, "Generate")
    assert "wishes wait" in errors(page)["This cannot be done now"]
    assert not page.run().error  # told once


def test_a_failure_is_told_and_another_try_is_free(audio: AppTest) -> None:
    wish = Wish(aim=Aim.SPEAK, seconds=0.0)  # what the page does not offer
    visit_of(audio).begin(load_pipeline(AUDIO.task, SPEAKER, lambda _: None), wish, dark=False)
    page = wait(audio)
    assert errors(page)["This cannot be done"].startswith(plain("seconds must be above 0"))
    assert made(page).takes


# What stays ------------------------------------------------------------------------------------


def test_takes_and_choices_outlast_a_visit_to_another_page(audio: AppTest) -> None:
    take = made(audio).takes[0]
    page = audio.switch_page("views/home.py").run().switch_page("views/audio.py").run()
    assert visit_of(page).made[0].takes == (take,)
    assert len(heard(page)) == 1
    assert page.slider(key="audio.seconds").value == 0.5


def test_start_over_drops_everything(audio: AppTest) -> None:
    page = upload(aim_at(audio, Aim.CONTINUE), recording())
    made(page, "Continue")
    page = press(page, "Start over")
    assert not heard(page)
    assert visit_of(page).recording is None


def test_the_address_names_a_preset(audio: AppTest) -> None:
    audio.switch_page("views/home.py").run()
    audio.query_params["preset"] = VOCODER
    page = audio.switch_page("views/audio.py").run()
    assert page.selectbox(key="audio.preset").value == VOCODER
    assert choose_preset(page, PLAIN).query_params["preset"] == PLAIN


@pytest.mark.parametrize(
    ("aim", "preset"), [(Aim.SPEAK, SPEAKER), (Aim.CONTINUE, PLAIN), (Aim.VOCODE, VOCODER)]
)
def test_the_same_can_be_had_elsewhere(
    audio: AppTest,
    aim: Aim,
    preset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = aim_at(choose_preset(audio, preset), aim)
    if aim is not Aim.SPEAK:
        content = recording(rate_hz=16000)
        page = upload(page, content)
        (tmp_path / "recording.wav").write_bytes(content)
    page.slider(key="audio.temperature").set_value(0.9)
    if preset == SPEAKER:
        page.slider(key=f"audio.guidance.{preset}").set_value(1.4)
    names = {Aim.SPEAK: "Generate", Aim.CONTINUE: "Continue", Aim.VOCODE: "Say it anew"}
    (take,) = made(page, names[aim]).takes
    assert "temperature=0.9" in page.code[-2].value
    monkeypatch.chdir(tmp_path)
    python, command_line = (code.value for code in page.code[-2:])
    exec(python, {})
    assert Path(f"{take.stem}.wav").read_bytes() == take.wav
    Path(f"{take.stem}.wav").unlink()
    program, *arguments = shlex.split(command_line)
    assert program == "sightsound"
    assert main(arguments) == 0
    (written,) = set(tmp_path.rglob("*.wav")) - {tmp_path / "recording.wav"}
    assert written.read_bytes() == take.wav
