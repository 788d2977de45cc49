"""What each command prints and how it ends, called as a person calls it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from models.catalog import list_models
from pipelines import list_presets, load_exported
from pipelines.classification.data import LabelledImages
from sightsound.doctor import extras, is_well
from tests.sightsound.command_line import COMMAND, call, call_here, draw_one, draw_zero, environment

ROOT = Path(__file__).resolve().parents[2]
NOT_UTF8 = b"caf\xe9.png"


def rows(output: bytes) -> list[list[str]]:
    """Return the words of each line below a table's header."""
    return [line.split() for line in output.decode(errors="surrogateescape").splitlines()[1:]]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two good pictures, one of an odd name, and one that is none."""
    draw_one(tmp_path / "pictures" / "one.png")
    draw_zero(tmp_path / "pictures" / "deeper" / "zero.png")
    (tmp_path / "pictures" / "broken.png").write_bytes(b"no picture")
    os.link(tmp_path / "pictures" / "one.png", os.fsencode(tmp_path / "pictures") + b"/" + NOT_UTF8)
    return tmp_path / "pictures"


def test_models_lists_the_catalog() -> None:
    done = call("models", "lenet*")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [row[0] for row in rows(done.stdout)] == list_models("lenet*")


def test_models_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    complaint = "sightsound: unknown model 'lenet6'; did you mean 'lenet5'?\n"
    assert call_here(capsys, "models", "lenet6") == (2, "", complaint)
    status, out, err = call_here(capsys, "models", "xy*")
    assert (status, out) == (2, "")
    assert err.startswith("sightsound: unknown model 'xy*'; known: ")


def test_models_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call_here(capsys, "models", "lenet5", "--json")
    (facts,) = json.loads(out)
    assert (status, err) == (0, "")
    assert (facts["name"], facts["params"], facts["input_shape"]) == ("lenet5", 61706, [28, 28, 1])


def test_models_writes_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call_here(capsys, "models", "lenet5", "--markdown")
    header, rule, row = out.splitlines()
    assert (status, err) == (0, "")
    assert header.startswith("| model | parameters |")
    assert set(rule) == set("| -")
    assert row.startswith("| `lenet5` | 61,706 | 28x28x1 | 10 |")


def test_presets_lists_what_is_shipped() -> None:
    done = call("presets", "image-classification", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    presets = json.loads(done.stdout)
    assert [preset["name"] for preset in presets] == list_presets("image-classification")
    assert all(preset["licence"] and preset["parameters"] > 0 for preset in presets)
    table = call("presets")
    assert [row[0] for row in rows(table.stdout)] == list_presets()


def test_presets_lists_what_is_downloaded_when_told_to() -> None:
    done = call("presets", "--all", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    weights = {preset["name"]: preset["weights"] for preset in json.loads(done.stdout)}
    assert list(weights) == [*list_presets(), *list_presets(downloadable=True)]
    assert {weights[name] for name in list_presets()} == {"shipped"}
    assert weights["resnet50_imagenet"] == "downloaded when used"


def test_predict_names_good_pictures_and_goes_on_after_bad_ones(pictures: Path) -> None:
    done = call(
        "predict", "pictures", "nothing.png", "picture*/o*.png", "-",
        stdin=(pictures / "one.png").read_bytes(),
        cwd=pictures.parent,
    )  # fmt: skip
    assert done.returncode == 1
    assert [row[:2] for row in rows(done.stdout)] == [
        [f"pictures/{os.fsdecode(NOT_UTF8)}", "1"],
        ["pictures/deeper/zero.png", "0"],
        ["pictures/one.png", "1"],
        ["pictures/one.png", "1"],
        ["<stdin>", "1"],
    ]
    assert b"pictures/" + NOT_UTF8 + b" " in done.stdout
    complaints = done.stderr.decode().splitlines()
    assert [line.split(": ")[:2] for line in complaints] == [
        ["sightsound", "pictures/broken.png"],
        ["sightsound", "nothing.png"],
    ]


def test_predict_writes_json_that_can_be_read(pictures: Path) -> None:
    out = pictures.parent / "out"
    done = call(
        "predict", "--json", "--top-k", "2", "--output", out, pictures, pictures / "one.png"
    )
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [item["ok"] for item in document] == [False, True, True, True, True]
    assert document[0]["source"] == str(pictures / "broken.png")
    assert all(len(item["predictions"]) == 2 for item in document[1:])
    saved = {os.fsencode(path.name): json.loads(path.read_bytes()) for path in out.iterdir()}
    assert set(saved) == {
        NOT_UTF8 + b".json", b"zero.png.json", b"one.png.json", b"one.png-2.json",
    }  # fmt: skip
    assert saved[b"zero.png.json"] == document[2]


def test_predict_skips_and_refuses_private_addresses(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "http://127.0.0.1:9/x.png"
    status, out, err = call_here(
        capsys, "predict", "--jsonl", "--on-error", "skip", address, pictures
    )
    assert status == 1
    assert [json.loads(line)["label"] for line in out.splitlines()] == ["1", "0", "1"]
    assert len(err.splitlines()) == 2
    assert address in err


def test_predict_stops_at_the_first_error_when_told_to(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = call_here(capsys, "predict", "--jsonl", "--on-error", "raise", pictures)
    assert (status, out) == (1, "")
    assert err.startswith(f"sightsound: {pictures / 'broken.png'}")
    assert err.count("\n") == 1


def test_evaluate_measures_a_folder_of_labels(tmp_path: Path) -> None:
    draw_zero(tmp_path / "data" / "0" / "zero.png")
    draw_one(tmp_path / "data" / "1" / "one.png")
    draw_one(tmp_path / "data" / "7" / "wrong.png")
    (tmp_path / "data" / "1" / "broken.png").write_bytes(b"no picture")
    drawings = [tmp_path / "mistakes.png", tmp_path / "confusion.png"]
    done = call(
        "evaluate", "--data", tmp_path / "data", "--json",
        "--mistakes", drawings[0], "--confusion", drawings[1],
    )  # fmt: skip
    figures = json.loads(done.stdout)
    assert (figures["count"], figures["accuracy"]) == (3, pytest.approx(2 / 3))
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"broken.png" in done.stderr
    for path in drawings:
        with Image.open(path) as drawing:
            assert min(drawing.size) > 100


def test_evaluate_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call_here(capsys, "evaluate", "--data", "digits")
    assert (status, err) == (0, "")
    assert "1797 pictures" in out


def test_evaluate_takes_a_split_of_a_named_set_in_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], digits: LabelledImages
) -> None:
    images, labels = digits.images[:20], digits.labels[:20]
    np.savez(tmp_path / "mnist.npz", x_train=np.asarray(images), y_train=labels)
    words = ("evaluate", "--data", "mnist", "--folder", tmp_path, "--json", "--split")
    plain = call_here(capsys, *words, "train")
    mirrored = call_here(capsys, *words, "train", "--mirror")
    for status, out, _ in (plain, mirrored):
        assert status == 0
        assert json.loads(out)["data"] == "mnist train"
    assert json.loads(plain[1])["loss"] != json.loads(mirrored[1])["loss"]
    status, _, err = call_here(capsys, *words, "validation")
    assert (status, "split must be one of train, test" in err) == (2, True)


def test_train_runs_a_recipe_and_its_preset_predicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 28, 28), np.uint8)
    labels = np.arange(256) % 10
    np.savez(
        tmp_path / "mnist.npz",
        x_train=noise, y_train=labels, x_test=noise[:20], y_test=labels[:20],
    )  # fmt: skip
    words = ("train", "lenet5_mnist", "--epochs", "1", "--data", tmp_path, "--json")
    done = call(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["seeds"] == [0]
    preset = tmp_path / report["preset"]
    assert preset.is_relative_to(tmp_path / "runs" / "lenet5_mnist")
    one = draw_one(tmp_path / "one.png")
    status, out, err = call_here(capsys, "predict", "--jsonl", "--preset", preset, one)
    assert (status, err) == (0, "")
    assert json.loads(out)["source"] == str(one)


def test_train_lists_the_recipes_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call_here(capsys, "train", "--list")
    assert (status, err) == (0, "")
    assert "lenet_modern_mnist" in [row[0] for row in rows(out.encode())]
    status, out, err = call_here(capsys, "train", "lenet5_mnits")
    assert (status, out) == (2, "")
    assert "did you mean 'lenet5_mnist'?" in err


def test_train_refuses_a_plan_that_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    for words, hint in (
        (("--optimizer", "adma"), "did you mean 'adam'"),
        (("--rate", "-1"), "peak_rate must be above 0"),
        (("--schedule", "cosin"), "schedule must be one of"),
        (("--precision", "float8"), "unknown precision"),
    ):
        status, out, err = call_here(capsys, "train", "lenet5_mnist", *words)
        assert (status, out) == (2, "")
        assert hint in err


def test_train_draws_a_schedule_instead_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "schedule.png"
    words = ("train", "lenet5_mnist", "--schedule", "one_cycle", "--show-schedule", drawn)
    assert call_here(capsys, *words) == (0, f"drawn: {drawn}\n", "")
    with Image.open(drawn) as picture:
        assert picture.width > 500


def test_export_writes_what_a_server_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = tmp_path / "served"
    done = call("export", "--out", served)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{served}\n".encode(), b"")
    assert load_exported(served)(draw_one(tmp_path / "one.png")).label == "1"
    status, out, err = call_here(capsys, "export", "--out", served)
    assert (status, out) == (1, "")
    assert "exists already" in err
    assert call_here(capsys, "export", "--out", served, "--overwrite") == (0, f"{served}\n", "")


@pytest.mark.slow
def test_benchmark_measures_every_batch_size() -> None:
    done = call("benchmark", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    report = json.loads(done.stdout)
    assert [row["batch"] for row in report["batches"]] == [1, 8, 32, 128]
    assert {row["engine"] for row in report["batches"]} == {"tensorflow"}
    for row in report["batches"]:
        assert 0 < row["median_ms"] <= row["slowest_ms"]
        assert row["pictures_per_s"] == pytest.approx(1000 * row["batch"] / row["median_ms"], 0.01)


@pytest.mark.slow
def test_benchmark_shows_engines_side_by_side() -> None:
    done = call("benchmark", "--preset", "lenet5_mnist", "--engine", "tensorflow", "openvino")
    assert (done.returncode, done.stderr) == (0, b"")
    _, header, *lines = done.stdout.decode().splitlines()
    assert header.split()[:2] == ["batch", "engine"]
    engines = ("tensorflow", "openvino")
    shown = [tuple(line.split()[:2]) for line in lines]
    assert shown == [(str(batch), engine) for batch in (1, 8, 32, 128) for engine in engines]


def test_an_engine_that_there_is_not_is_refused_at_once() -> None:
    done = call("predict", "--engine", "openvini", "seven.png")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"unknown engine 'openvini'; did you mean 'openvino'" in done.stderr


def test_app_serves_the_pages_on_this_machine_only() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [COMMAND, "app", "--port", str(port)], stdout=subprocess.PIPE, env=environment()
    )
    try:
        assert _answer(f"http://127.0.0.1:{port}/_stcore/health") == b"ok"
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(process.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def _answer(url: str) -> bytes:
    """Return what the server says, once it is up."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return bytes(response.read())
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} did not answer within a minute")


def test_doctor_finds_this_machine_well() -> None:
    done = call("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    findings = json.loads(done.stdout)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert findings["versions"]["sightsound"] == project["version"]
    assert findings["versions"]["tensorflow"].startswith("2.21.")
    assert {device["type"] for device in findings["devices"]} >= {"CPU"}
    assert [preset["name"] for preset in findings["presets"]] == list_presets()
    assert set(findings["extras"]) == set(project["optional-dependencies"])
    assert findings["extras"]["apps"] == []
    assert findings["machine"]["cores"] == len(os.sched_getaffinity(0))


def test_doctor_finds_a_damaged_preset(tmp_path: Path) -> None:
    for folder in ("sightsound", "models", "pipelines", "presets"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    damaged, *others = list_presets()
    with (tmp_path / "presets" / damaged / "model.weights.h5").open("ab") as file:
        file.write(b"\0")
    code = "import json; from sightsound.doctor import presets; print(json.dumps(presets()))"
    # With -c the current folder comes first: the copy is what is examined.
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    found = {preset["name"]: preset["error"] for preset in json.loads(done.stdout)}
    assert "is damaged: model.weights.h5" in found[damaged]
    assert all(found[name] is None for name in others)


@pytest.mark.parametrize("part", ["devices", "presets"])
def test_an_error_is_not_well(part: str) -> None:
    findings: dict[str, list[dict[str, str | None]]] = {
        "devices": [{"error": None}],
        "presets": [{"error": None}],
    }
    assert is_well(findings)
    findings[part].append({"error": "does not start"})
    assert not is_well(findings)


def test_doctor_tells_what_an_extra_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call_here(capsys, "doctor")
    assert status == 0
    lacking = {name: missing for name, missing in extras().items() if missing}
    lines = {line.split()[0]: line for line in out.splitlines() if "pip install" in line}
    assert set(lines) == set(lacking)
    for name, line in lines.items():
        assert line.endswith(f"pip install 'sightsound[{name}]'")
