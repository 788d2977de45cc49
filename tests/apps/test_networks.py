from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from apps.plain_text import plain
from apps.tasks import ALL_PAGES, NETWORKS
from models.explain import explain
from models.explanation import Explanation
from models.explanation_text import brief, brief_bytes

LENET = "lenet_modern"


@pytest.fixture
def networks(app: AppTest) -> AppTest:
    """The page, at a small network, in a new visitor's session."""
    app.query_params["network"] = LENET
    page = app.switch_page("views/networks.py").run()
    assert not page.exception
    return page


def metrics(page: AppTest) -> dict[str, str]:
    """Read the first figure of each name."""
    return {metric.label: metric.value for metric in reversed(page.metric)}


def number(page: AppTest, label: str) -> Any:
    """Find a number input."""
    return next(widget for widget in page.number_input if widget.label == label)


def choose(page: AppTest, label: str, value: Any) -> AppTest:
    """Choose in a box."""
    next(box for box in page.selectbox if box.label == label).set_value(value)
    page.run()
    assert not page.exception
    return page


def table(page: AppTest, place: int = 0) -> list[dict[str, Any]]:
    """Read the rows of a table."""
    records: list[dict[str, Any]] = page.dataframe[place].value.to_dict("records")
    return records


def test_the_page_has_no_task_and_no_presets() -> None:
    assert NETWORKS in ALL_PAGES
    assert NETWORKS.script.is_file()
    assert (NETWORKS.task, NETWORKS.presets) == ("", [])


def test_home_leads_to_the_page(app: AppTest) -> None:
    assert f"**{NETWORKS.title}**" in [text.value for text in app.markdown]


def test_without_a_link_the_page_starts_with_vgg16(app: AppTest) -> None:
    page = app.switch_page("views/networks.py").run()
    assert not page.exception
    assert [(metric.label, metric.value, metric.delta) for metric in page.metric][:4] == [
        ("Parameters", "138 M", "528 MiB"),
        ("Multiply-adds", "15.5 G", "for one image"),
        ("Activations", "15.2 M", "58.1 MiB"),
        ("Training", "2.12 GiB", "forward 552 MiB"),
    ]


def test_the_totals_and_the_blocks_are_those_of_explain(networks: AppTest) -> None:
    wanted = explain(LENET)
    shown = metrics(networks)
    assert shown["Parameters"] == brief(wanted.parameters)
    assert shown["Multiply-adds"] == brief(wanted.multiply_adds)
    assert shown["Training"] == brief_bytes(wanted.training_bytes)
    rows = table(networks)
    assert [row["Layer"] for row in rows] == [row.name for row in wanted.by_block().rows]
    assert sum(row["Parameters"] for row in rows) == wanted.parameters


def test_size_batch_and_precision_are_followed(networks: AppTest) -> None:
    number(networks, "Image side in pixels").set_value(32)
    number(networks, "Images in a batch").set_value(8)
    page = choose(networks, "Precision", "mixed_float16")
    wanted = explain(LENET, input_shape=(32, 32, 1), batch=8, dtype="mixed_float16")
    assert metrics(page)["Training"] == brief_bytes(wanted.training_bytes)
    assert sum(row["MiB"] for row in table(page)) == pytest.approx(wanted.activation_bytes / 2**20)


def test_a_network_that_enlarges_is_explained_at_each_scale(networks: AppTest) -> None:
    labels = [box.label for box in networks.selectbox]
    assert "Times larger" not in labels
    page = choose(choose(networks, "Network", "espcn"), "Times larger", 4)
    wanted = explain("espcn", scale=4)
    assert metrics(page)["Multiply-adds"] == brief(wanted.multiply_adds)
    assert metrics(page)["Parameters"] == brief(wanted.parameters)


def test_three_rows_of_bars_tell_where_most_of_each_cost_is(networks: AppTest) -> None:
    told = [chart.proto.alt for chart in networks.get("vega_lite_chart")]
    rows = explain(LENET).by_block().rows
    for text, cost in zip(told, ("activations", "parameters", "multiply_adds"), strict=True):
        largest = max(rows, key=lambda row: getattr(row, cost))
        share = getattr(largest, cost) / sum(getattr(row, cost) for row in rows)
        assert text.endswith(f"most of them, {share:.0%}, in {largest.name}")


def test_nothing_is_counted_twice(networks: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    def counting(model: Any, **arguments: Any) -> Explanation:
        counted.append(model)
        return explain(model, **arguments)

    monkeypatch.setattr("models.explain.explain", counting)
    for side in (44, 28, 44):  # nobody else asks for 44
        number(networks, "Image side in pixels").set_value(side)
        networks.run()
    assert counted.count(LENET) == 1


def test_a_selected_block_shows_its_layers(networks: AppTest) -> None:
    assert len(networks.dataframe) == 1
    key = f"networks.blocks.{LENET}"
    networks.session_state[key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    page = networks.run()
    assert not page.exception
    assert [row["Layer"] for row in table(page, 1)] == ["conv1", "norm1", "relu1"]


def test_the_address_names_the_network(networks: AppTest) -> None:
    page = choose(networks, "Network", "lenet5")
    assert page.query_params["network"] == "lenet5"
    page.query_params["network"] = "../../etc/passwd"
    page.run()
    assert not page.exception


def test_the_choice_outlasts_a_visit_to_another_page(networks: AppTest) -> None:
    page = choose(networks, "Network", "lenet5")
    page.switch_page("views/home.py").run()
    page.query_params.clear()
    page = page.switch_page("views/networks.py").run()
    assert page.selectbox[0].value == "lenet5"


def test_a_size_that_the_network_does_not_take_is_told(networks: AppTest) -> None:
    page = choose(networks, "Network", "lenet5_1998")
    number(page, "Image side in pixels").set_value(33)
    page.run()
    assert not page.exception
    (error,) = page.error
    assert plain("32 x 32 pixels") in error.value
    number(page, "Image side in pixels").set_value(32)
    assert not page.run().error


def test_a_network_that_enlarges_is_laid_open_at_a_common_size(networks: AppTest) -> None:
    page = choose(networks, "Network", "espcn")
    assert number(page, "Image side in pixels").value == 256
    wanted = explain("espcn", input_shape=(256, 256, 1))
    assert metrics(page)["Multiply-adds"] == brief(wanted.multiply_adds)
    shuffle = table(page)[-1]
    assert (shuffle["Output"], shuffle["Sees"]) == ("512x512x1", "9x9")
    number(page, "Image side in pixels").set_value(1)
    assert not page.run().exception


def test_an_edited_convolution_shows_its_shape_and_what_follows(networks: AppTest) -> None:
    number(networks, "Stride").set_value(2)
    number(networks, "Filters").set_value(4)
    page = networks.run()
    assert not page.exception
    assert metrics(page)["Output"] == "14x14x4"
    after = explain(LENET, edits={"conv1": {"strides": 2, "filters": 4}})
    changed = [metric for metric in page.metric if metric.label == "Parameters"][-1]
    assert changed.value == brief(after.parameters)
    assert changed.delta.startswith("-")
    rows = table(page, 1)
    assert rows[0] == {"Layer": "conv1", "Before": "28x28x16", "Now": "14x14x4"}
    assert [row["Layer"] for row in rows][-1] == "relu5"


def test_windows_that_do_not_come_out_even_are_refused_kindly(networks: AppTest) -> None:
    page = choose(networks, "Padding", "0")
    for label, value in (("Size", 7), ("Kernel", 3), ("Stride", 3)):
        number(page, label).set_value(value)
    page.run()
    assert not page.exception
    (warning,) = page.warning
    assert plain("(7 - 3) / 3 = 1.333") in warning.value
    offers = [button.label for button in page.button]
    assert offers == [
        "stride 1", "stride 2", "stride 4", "padding 1", "kernel 1", "kernel 4", "size 6", "size 9",
    ]  # fmt: skip
    next(button for button in page.button if button.label == "padding 1").click()
    page.run()
    assert not page.exception
    assert not page.warning
    assert metrics(page)["Output"] == "3x3x16"


def test_a_kernel_larger_than_the_image_is_refused(networks: AppTest) -> None:
    page = choose(networks, "Padding", "0")
    number(page, "Kernel").set_value(40)
    page.run()
    assert not page.exception
    assert "must not be larger" in page.warning[0].value
    assert "Output" not in metrics(page)


def test_a_network_that_cannot_follow_says_why(app: AppTest) -> None:
    app.query_params["network"] = "resnet_micro"
    page = app.switch_page("views/networks.py").run()
    page = choose(page, "Edit one convolution", "stage2_block1_conv1")
    number(page, "Stride").set_value(1)
    page.run()
    assert not page.exception
    assert plain("stage2_block1_add cannot follow") in page.info[0].value
