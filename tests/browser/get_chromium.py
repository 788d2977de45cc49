"""Print the path of a Chromium for the browser tests, installing one where there is none.

In order: what SIGHTSOUND_CHROMIUM names, the system's own, Debian's package (as root), Playwright's
download. Progress goes to standard error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def main() -> int:
    """Print the executable's path; return 1 when there is none to be had."""
    chosen = os.environ.get("SIGHTSOUND_CHROMIUM")
    path = chosen or find() or install_package() or download()
    if path is None or not starts(path):
        what = "no Chromium" if path is None else f"{path} does not start"
        print(f"{what}: install one, or name it in SIGHTSOUND_CHROMIUM", file=sys.stderr)
        return 1
    print(path)
    return 0


def find() -> str | None:
    """Return the system's browser; Ubuntu's `chromium-browser` may be a stub that cannot start."""
    paths = (shutil.which(command) for command in COMMANDS)
    return next((path for path in paths if path and starts(path)), None)


def starts(path: str) -> bool:
    """Return whether the browser can tell its version."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def install_package() -> str | None:
    """Install Debian's package when we may."""
    release = Path("/etc/os-release")
    debian = release.is_file() and "ID=debian" in release.read_text("utf-8").splitlines()
    if not debian or os.geteuid() != 0:
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", *command], env=environment, stdout=sys.stderr, check=False)
    return find()


def download() -> str | None:
    """Let Playwright download its own build."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(command, stdout=sys.stderr, check=False)
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


if __name__ == "__main__":
    sys.exit(main())
