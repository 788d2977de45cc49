"""Presets: found, checked by hash, written whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import pipelines
from pipelines import presets
from pipelines.classification.pipeline import ImageClassification
from pipelines.preset_card import card, stated_metadata
from pipelines.presets import Preset, PresetError, list_presets, load_preset, save_preset


@pytest.fixture
def folder(micro, tmp_path: Path):
    return micro.save(tmp_path / "mine")


def test_a_saved_preset_gives_the_same_scores(micro, folder: Path, digits) -> None:
    again = ImageClassification.from_preset(folder)
    assert again.preset == "mine"
    assert again.labels == micro.labels
    images = list(digits.images[:9])
    for a, b in zip(micro(images), again(images), strict=True):
        assert a.label == b.label
        assert a.score == pytest.approx(b.score, abs=2e-3)  # weights are stored in half precision
    assert sorted(p.name for p in folder.iterdir()) == sorted(presets.FILES)


def test_the_folder_may_be_moved_and_is_readable_by_others(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "other"
    moved.parent.mkdir()
    shutil.move(folder, moved)
    assert load_preset(moved).name == "other"
    assert moved.stat().st_mode & 0o055 == 0o055


@pytest.mark.parametrize("file", [presets.CONFIG, presets.WEIGHTS, presets.PREPROCESSOR])
def test_a_damaged_file_is_named(folder: Path, file: str) -> None:
    data = bytearray((folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / file).write_bytes(data)
    with pytest.raises(PresetError, match=rf"is damaged: {file} must have SHA-256 [0-9a-f]{{64}}"):
        load_preset(folder)


@pytest.mark.parametrize("file", presets.FILES)
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(PresetError, match=f"lacks {file}"):
        load_preset(folder)


def _rewrite(folder: Path, file: str, text: str) -> None:
    """Change a file and its recorded hash, as somebody hostile would."""
    (folder / file).write_text(text)
    metadata = json.loads((folder / presets.METADATA).read_text())
    metadata["sha256"][file] = presets.sha256(folder / file)
    (folder / presets.METADATA).write_text(json.dumps(metadata))


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        (presets.CONFIG, "[]", "must hold an object"),
        (presets.CONFIG, "{", "not readable JSON"),
        (presets.CONFIG, '{"task": "image-classification"}', "must name its model"),
        (
            presets.CONFIG,
            '{"task": "upscaling", "model": "lenet_micro"}',
            "must be for image-class",
        ),
        (presets.CONFIG, '{"task": "image-classification", "model": "os.system"}', "unknown model"),
        (
            presets.CONFIG,
            '{"task": "image-classification", "model": "lenet_micro", "options": {"classes": 7}}',
            "in the file",
        ),
        (presets.PREPROCESSOR, "{}", "preprocessing takes"),
        (presets.PREPROCESSOR, "not json", "preprocessor.json"),
        (presets.WEIGHTS, "not weights", "not a readable HDF5"),
    ],
)
def test_hostile_contents_are_refused(folder: Path, file: str, text: str, says: str) -> None:
    _rewrite(folder, file, text)
    with pytest.raises(PresetError, match=says):
        ImageClassification.from_preset(folder)


def test_labels_must_fit_the_network(folder: Path) -> None:
    metadata = json.loads((folder / presets.METADATA).read_text())
    metadata["labels"] = ["one", "two"]
    (folder / presets.METADATA).write_text(json.dumps(metadata))
    with pytest.raises(PresetError, match="10 classes must have as many labels; got 2"):
        ImageClassification.from_preset(folder)


@pytest.mark.parametrize("name", ["lenet_modem_mnist", "no such thing", "/nowhere", "", "../.."])
def test_unknown_names_are_refused(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PresetError):
        load_preset(name)


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(PresetError, match="did you mean 'lenet_modern_mnist'"):
        load_preset("lenet_modem_mnist")


def test_an_existing_folder_is_not_overwritten_unasked(micro, folder: Path) -> None:
    before = (folder / presets.WEIGHTS).read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        micro.save(folder)
    assert (folder / presets.WEIGHTS).read_bytes() == before
    assert micro.save(folder, overwrite=True) == folder


def test_a_folder_that_is_no_preset_is_never_replaced(micro, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="another folder"):
        micro.save(tmp_path / "holiday", overwrite=True)
    assert (tmp_path / "holiday" / "photo.jpg").read_bytes() == b"precious"


def test_a_failed_write_leaves_nothing(micro, tmp_path: Path) -> None:
    bias = micro.model.get_layer("logits").bias
    before = np.asarray(bias).copy()
    bias.assign(np.full(10, np.nan))
    try:
        with pytest.raises(ValueError, match="finite"):
            micro.save(tmp_path / "mine")
    finally:
        bias.assign(before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", list_presets())
def test_shipped_presets_are_whole_and_say_what_they_are(name: str) -> None:
    preset = load_preset(name)
    assert preset.metadata["licence"]
    assert preset.metadata["data"]
    assert preset.metadata["metrics"]
    for metric in preset.metadata["metrics"]:
        assert set(metric) >= {"name", "value", "data", "command"}
        assert f"{metric['value']:.4f}" in (preset.path / presets.CARD).read_text()
    model = preset.build()
    assert preset.metadata["parameters"] == sum(
        int(np.prod(v.shape)) for v in model.trainable_variables
    )


# What any task may put into a preset.


def saved(micro, folder: Path, **more) -> Path:
    return save_preset(
        folder,
        model=micro.model,
        config={"task": "reading", "model": "lenet_micro", "options": {}},
        preprocessor={"colour": "luma", "scale": 2},
        metadata=stated_metadata(folder.name, micro.model, {"licence": "CC0"}),
        card="# A card\n",
        **more,
    )


def test_a_task_s_own_values_come_back(micro, tmp_path: Path) -> None:
    preset = load_preset(saved(micro, tmp_path / "mine"))
    assert (preset.name, preset.task, preset.model) == ("mine", "reading", "lenet_micro")
    assert preset.preprocessor == {"colour": "luma", "scale": 2}
    assert preset.pixel_map is None
    assert preset.labels == ()
    assert preset.metadata["title"] == "mine"
    assert preset.metadata["licence"] == "CC0"
    assert preset.metadata["data"] == "not stated"
    assert sorted(p.name for p in preset.path.iterdir()) == sorted(presets.FILES)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_an_array_comes_back(micro, tmp_path: Path, dtype) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    preset = load_preset(saved(micro, tmp_path / "mine", pixel_map=array))
    assert preset.pixel_map is not None
    np.testing.assert_array_equal(preset.pixel_map, array)
    assert preset.pixel_map.dtype == dtype


def test_presets_without_a_folder_are_known_where_they_are_given(tmp_path: Path) -> None:
    asked = []

    def download(name: str, *, offline: bool) -> Preset:
        asked.append((name, offline))
        return Preset(name, tmp_path, {"task": "reading", "model": "lenet_micro"}, {})

    downloads = {"far_away": download}
    assert load_preset("far_away", downloads=downloads).name == "far_away"
    assert load_preset("far_away", offline=True, downloads=downloads).task == "reading"
    assert asked == [("far_away", False), ("far_away", True)]
    with pytest.raises(PresetError, match="did you mean 'far_away'"):
        load_preset("far_awey", downloads=downloads)
    with pytest.raises(PresetError, match="unknown preset 'far_away'"):
        load_preset("far_away")


def test_the_package_knows_all_tasks_presets(folder: Path) -> None:
    assert pipelines.list_presets() == list_presets()
    assert pipelines.list_presets("image-classification") == list_presets("image-classification")
    assert pipelines.list_presets("no such task") == []
    assert pipelines.load_preset(folder) == load_preset(folder)
    assert pipelines.load_preset("vgg16_imagenet").task == "image-classification"


def test_a_card_tells_what_there_is() -> None:
    metric = {"name": "PSNR", "value": 37.55321, "data": "Set5", "command": "measure"}
    facts = {
        "title": "Twice as large",
        "description": "",
        "licence": "CC0",
        "data": "T91",
        "parameters": 12345,
        "metrics": [{**metric, "unit": "dB"}],
    }
    text = card("mine", "sesr", facts)
    assert text.startswith("# mine\n\nTwice as large.\n")
    assert "- network: `sesr`, 12,345 trainable parameters\n- trained on: T91\n" in text
    assert text.endswith("|---|---|---|---|\n| PSNR | 37.5532 dB | Set5 | `measure` |\n")
    assert "labels" not in text
    labels = [f"kind {number}" for number in range(21)]
    few = card("mine", "lenet5", {**facts, "metrics": [metric], "labels": labels[:2]})
    assert "\n- labels: kind 0, kind 1\n" in few
    assert "| 37.5532 |" in few
    many = card("mine", "lenet5", {**facts, "metrics": [], "labels": labels})
    assert many.endswith("kind 18, kind 19, ...\n")


@pytest.mark.parametrize("name", list_presets())
def test_shipped_cards_are_what_their_metadata_says(name: str) -> None:
    preset = load_preset(name)
    written = (preset.path / presets.CARD).read_text("utf-8")
    assert written == card(name, preset.model, preset.metadata)
