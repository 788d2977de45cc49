"""What networks cost: the published tables, hand-made graphs, and measured receptive fields."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import keras
import pytest
from PIL import Image

from models.calls import without_values
from models.explain import explain
from models.explanation import Cost, Explanation
from models.explanation_text import brief, brief_bytes

# CS231n, convolutional networks, case studies: the values and weights of VGG-16, layer by layer.
# Weights are without biases. (Its printed total of 24 M values is not the sum of its rows: 15.2 M.)
VGG16_TABLE = (
    ("conv1_1", (224, 224, 64), 1_728),
    ("conv1_2", (224, 224, 64), 36_864),
    ("pool1", (112, 112, 64), 0),
    ("conv2_1", (112, 112, 128), 73_728),
    ("conv2_2", (112, 112, 128), 147_456),
    ("pool2", (56, 56, 128), 0),
    ("conv3_1", (56, 56, 256), 294_912),
    ("conv3_2", (56, 56, 256), 589_824),
    ("conv3_3", (56, 56, 256), 589_824),
    ("pool3", (28, 28, 256), 0),
    ("conv4_1", (28, 28, 512), 1_179_648),
    ("conv4_2", (28, 28, 512), 2_359_296),
    ("conv4_3", (28, 28, 512), 2_359_296),
    ("pool4", (14, 14, 512), 0),
    ("conv5_1", (14, 14, 512), 2_359_296),
    ("conv5_2", (14, 14, 512), 2_359_296),
    ("conv5_3", (14, 14, 512), 2_359_296),
    ("pool5", (7, 7, 512), 0),
    ("fc6", (4096,), 102_760_448),
    ("fc7", (4096,), 16_777_216),
    ("logits", (1000,), 4_096_000),
)

# arXiv:1409.4842, table 1: the widths #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj of each
# block, its parameters in K (1,024 weights), its operations in M.
GOOGLENET_TABLE = (
    ("inception_3a", (64, 96, 128, 16, 32, 32), 159, 128),
    ("inception_3b", (128, 128, 192, 32, 96, 64), 380, 304),
    ("inception_4a", (192, 96, 208, 16, 48, 64), 364, 73),
    ("inception_4b", (160, 112, 224, 24, 64, 64), 437, 88),
    ("inception_4c", (128, 128, 256, 24, 64, 64), 463, 100),
    ("inception_4d", (112, 144, 288, 32, 64, 64), 580, 119),
    ("inception_4e", (256, 160, 320, 32, 128, 128), 840, 170),
    ("inception_5a", (256, 160, 320, 32, 128, 128), 1072, 54),
    ("inception_5b", (384, 192, 384, 48, 128, 128), 1388, 71),
)


def rows_of(explanation: Explanation) -> dict[str, Cost]:
    """Return the rows by name."""
    return {row.name: row for row in explanation.rows}


@pytest.fixture(scope="module")
def vgg16() -> Explanation:
    return explain("vgg16")


def test_vgg16_is_the_textbooks_table(vgg16: Explanation) -> None:
    rows = rows_of(vgg16)
    for name, shape, weights in VGG16_TABLE:
        biases = shape[-1] if weights else 0
        row = rows[name]
        assert (row.output_shape, row.parameters) == (shape, weights + biases), name
        assert row.activations == math.prod(shape), name
    others = rows.keys() - {"image"} - {name for name, _, _ in VGG16_TABLE}
    assert all(rows[name].activations == rows[name].parameters == 0 for name in others)


def test_vgg16_has_the_textbooks_totals(vgg16: Explanation) -> None:
    image = 224 * 224 * 3
    assert vgg16.activations == image + sum(math.prod(shape) for _, shape, _ in VGG16_TABLE)
    assert vgg16.activations == 15_237_608
    assert vgg16.parameters == vgg16.trainable == 138_357_544
    assert vgg16.multiply_adds == 15_470_264_320
    assert vgg16.activation_bytes == 4 * vgg16.activations
    assert vgg16.live_most_at == "conv1_2"  # its input and its output, 3.2 M values each
    assert vgg16.live_activation_bytes == 4 * 2 * 224 * 224 * 64
    assert vgg16.forward_bytes == 4 * (138_357_544 + 2 * 224 * 224 * 64)
    assert vgg16.training_bytes == 4 * (4 * 138_357_544 + 15_237_608)


def test_vgg16_sees_as_far_as_published(vgg16: Explanation) -> None:
    # Araujo, Norris, Sim (doi:10.23915/distill.00021), table: VGG-16 212 at the last pooling.
    rows = rows_of(vgg16)
    assert rows["pool5"].receptive_field == (212, 212)
    assert rows["fc6"].receptive_field is None  # the whole image


# Table 1 of arXiv:1512.03385 gives billions, some rounded up and some down: within 0.1. The
# receptive fields are those of doi:10.23915/distill.00021.
@pytest.mark.parametrize(
    ("name", "billions", "field"),
    [
        ("resnet18", 1.8, None),
        ("resnet34", 3.6, None),
        ("resnet50", 3.8, 483),
        ("resnet101", 7.6, 1027),
        ("resnet152", 11.3, 1507),
    ],
)
def test_resnets_have_the_published_multiply_adds(
    name: str, billions: float, field: int | None
) -> None:
    explanation = explain(name)
    assert explanation.multiply_adds / 1e9 == pytest.approx(billions, abs=0.1)
    assert not explanation.uncounted
    last = [row.receptive_field for row in explanation.rows if row.receptive_field][-1]
    assert field is None or last == (field, field)


# AlexNet, VGG-11 and DenseNet-121 as torchvision's documentation prints them (in 10^9, two or three
# digits), NASNet-A as arXiv:1707.07012, table 3 (in 10^6). Half of the last digit is the tolerance.
@pytest.mark.parametrize(
    ("name", "millions", "tolerance"),
    [
        ("alexnet_owt", 710, 5),
        ("vgg11", 7_610, 5),
        ("densenet121", 2_830, 5),
        ("nasnet_mobile", 564, 0.5),
    ],
)
def test_other_networks_have_the_published_multiply_adds(
    name: str, millions: float, tolerance: float
) -> None:
    assert explain(name).multiply_adds / 1e6 == pytest.approx(millions, abs=tolerance)


def test_googlenets_blocks_are_those_of_its_table() -> None:
    blocks = rows_of(explain("googlenet").by_block())
    depth = 192
    for name, widths, thousands, millions in GOOGLENET_TABLE:
        one, reduce3, three, reduce5, five, proj = widths
        weights = depth * (one + reduce3 + reduce5 + proj) + 9 * reduce3 * three
        weights += 25 * reduce5 * five
        assert blocks[name].parameters == weights + sum(widths), name
        # The printed figures do not all follow from the sizes; 4c is off the most, by 7.5 %.
        assert weights / 1024 == pytest.approx(thousands, rel=0.075), name
        adds = blocks[name].multiply_adds or 0
        assert adds / 1e6 == pytest.approx(millions, abs=3), name
        depth = one + three + five + proj
        assert blocks[name].output_shape[-1] == depth, name
    assert blocks["conv2"].parameters == 112 * 1024 + 64 + 192  # 112K and the biases
    assert blocks["logits"].parameters == 1_000 * 1024 + 1_000


def test_blocks_add_up_to_the_layers() -> None:
    explanation = explain("resnet18")
    blocks = explanation.by_block()
    names = [row.name for row in blocks.rows]
    stages = [f"stage{stage}_block{block}" for stage in (1, 2, 3, 4) for block in (1, 2)]
    assert names == ["image", "stem", *stages, "pool", "logits"]
    before, after = explanation.to_dict(), blocks.to_dict()
    assert len(before.pop("rows")) > len(after.pop("rows"))
    assert before == after
    for row in blocks.rows:
        layers = explanation.layers_of(row.name)
        assert sum(layer.parameters for layer in layers) == row.parameters
        assert layers[-1].output_shape == row.output_shape
    assert blocks.by_block() == blocks


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("vgg16", ["image", *(f"conv{n}" for n in range(1, 6)), "flatten", "fc6", "fc7", "logits"]),
        ("lenet5", ["image", "c1", "s2", "c3", "s4", "flatten", "c5", "f6", "logits"]),
        ("densenet_micro", ["image", "stem", "block1", "transition1", "block2", "final", "pool"]),
    ],
)
def test_blocks_are_told_from_names(name: str, blocks: list[str]) -> None:
    assert [row.name for row in explain(name).by_block().rows][: len(blocks)] == blocks


def test_keras_own_names_tell_blocks_too() -> None:
    resnet = without_values(lambda: keras.applications.ResNet50(weights=None))
    names = [row.name for row in explain(resnet).by_block().rows]
    assert names[1:4] == ["conv1", "conv2_block1", "conv2_block2"]
    assert names[-3:] == ["conv5_block3", "avg_pool", "predictions"]


def test_the_table_is_text_markdown_csv_and_json(vgg16: Explanation, tmp_path: Path) -> None:
    lines = str(vgg16).splitlines()
    assert lines[0] == "vgg16, 224x224x3, batch 1, float32"
    width = len(lines[2])
    assert all(len(line) <= width for line in lines[3 : 3 + len(vgg16.rows)])
    (line,) = (line for line in lines if line.startswith("conv1_1 "))
    assert line.split() == [
        "conv1_1", "Conv2D", "3x3/1", "same", "224x224x64", "3,211,264", "12.25", "1,792",
        "86,704,128", "3x3",
    ]  # fmt: skip
    (total,) = (line for line in lines if line.startswith("total "))
    assert total.split() == ["total", "15,237,608", "58.13", "138,357,544", "15,470,264,320"]

    header, rule, *rows = [line for line in vgg16.to_markdown().splitlines() if line[:1] == "|"]
    assert len(rows) == len(vgg16.rows) + 1
    assert {line.count("|") for line in (header, rule, *rows)} == {10}

    values = list(csv.DictReader(io.StringIO(vgg16.to_csv())))
    assert values[1]["output_shape"] == "224x224x64"
    assert sum(int(row["trainable"]) for row in values) == 138_357_544

    facts = json.loads(vgg16.to_json())
    assert facts["totals"]["multiply_adds"] == vgg16.multiply_adds
    assert facts["rows"][1]["kernel"] == [3, 3]

    for ending, text in ((".md", vgg16.to_markdown()), (".csv", vgg16.to_csv())):
        path = vgg16.save(tmp_path / f"cost{ending}")
        assert path.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("number", "text", "as_bytes"),
    [
        (0, "0", "0 B"),
        (999, "999", "999 B"),
        (1_000, "1.00 k", "0.977 KiB"),
        (6_998_552, "7.00 M", "6.67 MiB"),
        (999_900, "1.00 M", "976 KiB"),
        (138_357_544, "138 M", "132 MiB"),
        (15_470_264_320, "15.5 G", "14.4 GiB"),
    ],
)
def test_large_numbers_are_written_with_three_digits(number, text: str, as_bytes: str) -> None:
    assert (brief(number), brief_bytes(number)) == (text, as_bytes)


@pytest.mark.parametrize("name", ["vgg16", "resnet18"])
def test_the_picture_draws_every_cost(name: str, tmp_path: Path) -> None:
    explanation = explain(name)
    drawn = explanation if len(explanation.rows) <= 40 else explanation.by_block()
    costs = ("activations", "parameters", "multiply_adds")
    rows = [row for row in drawn.rows if any(getattr(row, cost) for cost in costs)]
    for axes, cost in zip(explanation.figure().axes, costs, strict=True):
        (bars,) = axes.containers
        shares = [bar.get_height() for bar in bars]
        total = getattr(explanation, cost)
        assert shares == pytest.approx([getattr(row, cost) / total for row in rows])
    path = explanation.save(tmp_path / "cost.png")
    with Image.open(path) as picture:
        assert picture.size[0] > picture.size[1] > 600


def test_a_picture_has_one_of_the_known_endings(vgg16: Explanation, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"saved as \.png, .*; got '.*cost\.bmp'"):
        vgg16.save(tmp_path / "cost.bmp")
