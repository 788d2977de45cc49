"""`sightsound models explain` and `conv-output`, called as a person calls them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from models.explain import explain
from sightsound.commands import models
from tests.sightsound.command_line import call, call_here

COMMON = ("name", "family", "task", "title", "paper", "params", "input_shape")
Capture = pytest.CaptureFixture[str]


def test_explain_prints_a_row_a_layer_and_the_totals() -> None:
    done = call("models", "explain", "lenet5")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{explain('lenet5')}\n"


def test_sizes_batch_and_dtype_are_followed(capsys: Capture) -> None:
    words = ("--input", "32x48", "--batch", "4", "--dtype", "float16", "--json")
    status, out, err = call_here(capsys, "models", "explain", "lenet_micro", *words)
    assert (status, err) == (0, "")
    wanted = explain("lenet_micro", input_shape=(32, 48, 1), batch=4, dtype="float16")
    assert out == f"{wanted.to_json()}\n"


def test_the_scale_is_followed(capsys: Capture) -> None:
    words = ("--scale", "3", "--input", "32x48", "--csv")
    status, out, err = call_here(capsys, "models", "explain", "espcn_micro", *words)
    assert (status, err) == (0, "")
    assert out == explain("espcn_micro", input_shape=(32, 48, 1), scale=3).to_csv()


def test_the_table_states_classes_or_scales(capsys: Capture) -> None:
    _, out, _ = call_here(capsys, "models", "fsrcnn", "--markdown")
    assert out.splitlines()[-1].startswith("| `fsrcnn` | 12,809 | 256x256x1 | x2, x3, x4 |")
    facts = {}
    for name in ("lenet5", "srcnn", "gated_unet", "wavenet_tiny"):
        _, out, _ = call_here(capsys, "models", name, "--json")
        (facts[name],) = json.loads(out)
    own = {name: {f: facts[name][f] for f in facts[name] if f not in COMMON} for name in facts}
    assert own == {
        "lenet5": {"classes": 10},
        "srcnn": {"scales": [2, 3, 4], "enlarged": True},
        "gated_unet": {"stride": 16},
        "wavenet_tiny": {"classes": 256},
    }
    assert [row["task"] for row in facts.values()] == [
        "image-classification",
        "super-resolution",
        "inpainting",
        "audio-generation",
    ]


def test_blocks_come_as_markdown_and_csv(capsys: Capture) -> None:
    blocks = explain("resnet_micro").by_block()
    words = ("models", "explain", "resnet_micro", "--blocks")
    assert call_here(capsys, *words, "--markdown") == (0, blocks.to_markdown(), "")
    _, out, _ = call_here(capsys, *words, "--csv")
    assert [row["name"] for row in csv.DictReader(out.splitlines())] == [
        row.name for row in blocks.rows
    ]


def test_a_picture_is_written_beside_the_table(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "cost.png"
    status, out, err = call_here(capsys, "models", "explain", "lenet5", "--picture", path)
    assert (status, err) == (0, "")
    assert out.startswith("lenet5, 28x28x1")
    with Image.open(path) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("7 --kernel 3", "5"),
        ("227 --kernel 11 --stride 4", "55"),
        ("224 --kernel 7 --stride 2 --padding same", "112"),
        ("28x30 --kernel 3x5 --padding 1x2", "28x30"),
    ],
)
def test_conv_output_answers(capsys: Capture, line: str, answer: str) -> None:
    assert call_here(capsys, "models", "conv-output", *line.split()) == (0, f"{answer}\n", "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("conv-output 7 --kernel 3 --stride 3", "what fits: stride 1, 2 or 4; padding 1; kernel"),
        ("conv-output 7", "conv-output needs --kernel"),
        ("conv-output 7x7x7 --kernel 3", "SIZE must be pixels, such as 224, or HEIGHTxWIDTH"),
        ("conv-output 7 --kernel 3.0", "--kernel: must be pixels, such as 224"),
        ("conv-output --kernel 3", "conv-output takes one word, a size in pixels; got 0"),
        ("conv-output 7 --kernel 3 --batch 2", "--batch goes with `sightsound models explain`"),
        ("explain", "explain takes one word, the name of a network; got 0"),
        ("explain vgg16 vgg19", "explain takes one word, the name of a network; got 2"),
        ("explain vgg99", "unknown model 'vgg99'; did you mean 'vgg19'?"),
        ("explain vgg16 --input 8", "vgg16 takes 32 x 32 pixels or more; got (8, 8, 3)"),
        ("explain lenet5 --kernel 3", "--kernel goes with `sightsound models conv-output`"),
        ("explain espcn --scale 5", "scale must be 2, 3 or 4; got 5"),
        ("explain lenet5 --scale 2", "--scale is for networks that enlarge; got --scale 2 for len"),
        ("espcn --scale 2", "--scale goes with `sightsound models explain`"),
        ("explain lenet5 --json --csv", "not allowed with argument"),
        ("explain lenet5 --dtype float33", "float33"),
        ("explain lenet5 --picture cost.bmp", "is saved as .png, .svg, .pdf"),
        ("lenet5 --blocks", "--blocks goes with `sightsound models explain`"),
        ("explian lenet5", "sightsound models knows no 'explian'; did you mean 'explain'?"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(capsys: Capture, line: str, message: str) -> None:
    status, out, err = call_here(capsys, "models", *line.split())
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_no_network_is_called_as_a_form_of_the_command() -> None:
    from models.catalog import list_models

    assert not set(models.OPTIONS) & set(list_models())
