"""The command line over every hostile file and address at once: one line each, nothing lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

from PIL import Image

from tests.pipelines.hostile_images import HOSTILE_IMAGES
from tests.sightsound.command_line import call


def test_bad_files_get_a_line_each_and_harm_nobody(digits, tmp_path: Path) -> None:
    sources = []
    for hostile in HOSTILE_IMAGES:
        (tmp_path / hostile.id).mkdir()
        source = hostile.make(tmp_path / hostile.id)
        usable = isinstance(source, str | os.PathLike) and "\0" not in os.fspath(source)
        # A folder, an empty word and a pattern mean something else on the command line.
        if (
            usable
            and str(source)
            and not os.path.isdir(source)  # noqa: PTH112 - a hostile name is no Path
            and not set("*?[") & set(str(source))
        ):
            sources.append(os.fspath(source))
    assert len(sources) >= 40
    good = tmp_path / "good.png"
    Image.fromarray(digits.images[0]).save(good)
    done = call("predict", "--jsonl", str(good), *sources, str(good))
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert len(rows) == len(sources) + 2
    assert [row["ok"] for row in rows] == [True] + [False] * len(sources) + [True]
    assert rows[0]["label"] == rows[-1]["label"] == "0"
    assert all(row["error"] for row in rows[1:-1])
