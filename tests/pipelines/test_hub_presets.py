"""Presets by `hf://owner/name`: the real client against a server that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.presets import FILES

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOAD = """
import sys
from pipelines.presets import PresetError, load_preset
try:
    preset = load_preset(sys.argv[1], offline="offline" in sys.argv)
    print("loaded", preset.name, preset.model)
except PresetError as error:
    print("refused", error)
"""


class Hub(BaseHTTPRequestHandler):
    """Answers what a snapshot asks: the repository, its tree, a file's head and its body."""

    files: dict[str, bytes] = {}  # noqa: RUF012 - set by the fixture, before the server starts
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        self.asked.append(path)
        if path.startswith("/api/models/owner/digits/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": COMMIT}
                for name, data in self.files.items()
            ]
            return self._send(200, json.dumps(tree).encode(), body=body)
        if path.startswith("/api/models/owner/digits/"):
            siblings = [{"rfilename": name} for name in self.files]
            document = {"id": "owner/digits", "sha": COMMIT, "siblings": siblings}
            return self._send(200, json.dumps(document).encode(), body=body)
        name = path.rsplit("/", 1)[-1]
        if path.startswith("/owner/digits/resolve/") and name in self.files:
            return self._send(200, self.files[name], body=body)
        return self._send(404, b"{}", body=body)

    def _send(self, status: int, data: bytes, *, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def hub(micro, tmp_path: Path) -> Iterator[str]:
    folder = micro.save(tmp_path / "digits")
    Hub.files = {name: (folder / name).read_bytes() for name in FILES}
    Hub.files["evil.py"] = b"print('never run, never fetched')"
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def load(name: str, endpoint: str, home: Path, *flags: str) -> str:
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, name, *flags],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_preset_is_fetched_once_and_then_works_offline(hub: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert load("hf://owner/digits", hub, home) == "loaded hf://owner/digits lenet_micro"
    assert not any("evil.py" in path for path in Hub.asked)
    Hub.asked = []
    assert load("hf://owner/digits", hub, home, "offline").startswith("loaded")
    assert Hub.asked == []


def test_what_cannot_be_had_is_said(hub: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "in the cache (offline=True)" in load("hf://owner/digits", hub, home, "offline")
    assert load("hf://owner/other", hub, home).startswith("refused cannot get hf://owner/other")
    assert load("hf://not a name!", hub, home).startswith("refused cannot get")


def test_a_file_damaged_on_the_way_is_refused(hub: str, tmp_path: Path) -> None:
    Hub.files["model.weights.h5"] = Hub.files["model.weights.h5"][:-1] + b"x"
    said = load("hf://owner/digits", hub, tmp_path / "home")
    assert said.startswith("refused preset 'hf://owner/digits' is damaged: model.weights.h5")
