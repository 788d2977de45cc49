"""What a person gets from the package index: the wheel, and the wheel built from the sdist.

Each is installed into an environment of its own that borrows the dependencies of this one but
cannot see the checkout, and is then used.
"""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]

USE = """
import sys
from importlib.metadata import files
from pathlib import Path

import sightsound as ss

# By what was installed: another package (tf2onnx) brings a `tests` of its own.
tops = {file.parts[0] for file in files("sightsound")}
assert all(top.startswith("sightsound") or top == ".." for top in tops), tops  # .. is the command
assert ss.__version__ == sys.argv[2], ss.__version__

result = ss.pipeline("image-classification")(sys.argv[1])
assert result.label == "1", result

import sightsound.models, sightsound.pipelines
for module in (ss, sightsound.models, sightsound.pipelines):
    assert Path(module.__file__).is_relative_to(sys.prefix), module

from sightsound.apps.settings import MAIN_SCRIPT
from streamlit.testing.v1 import AppTest
assert MAIN_SCRIPT.is_relative_to(sys.prefix), MAIN_SCRIPT
page = AppTest.from_file(str(MAIN_SCRIPT), default_timeout=120).run()
assert not page.exception, page.exception
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Return what a command prints; a failure shows what it printed on standard error."""
    outside = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=outside, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(what: str, source: Path, out: Path) -> Path:
    """Build offline, with the build backend that is installed here, and return the file."""
    run(sys.executable, "-m", "build", "--no-isolation", f"--{what}", "--outdir", out, cwd=source)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheels(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (tree,) = unpacked.iterdir()
    return {
        "checkout": build("wheel", ROOT, tmp_path_factory.mktemp("wheel")),
        "sdist": build("wheel", tree, tmp_path_factory.mktemp("wheel_of_sdist")),
    }


@pytest.fixture
def picture_of_one(tmp_path: Path) -> Path:
    image = Image.new("L", (28, 28), 0)
    ImageDraw.Draw(image).line([(15, 4), (12, 23)], fill=255, width=3)
    image.save(tmp_path / "one.png")
    return tmp_path / "one.png"


@pytest.mark.parametrize("origin", ["checkout", "sdist"])
def test_an_installed_wheel_works(
    origin: str, wheels: dict[str, Path], tmp_path: Path, picture_of_one: Path
) -> None:
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    wheel = wheels[origin]
    uv = (sys.executable, "-m", "uv", "--offline")
    run(*uv, "venv", "--python", sys.executable, environment, cwd=tmp_path)
    run(*uv, "pip", "install", "--no-deps", "--python", python, wheel, cwd=tmp_path)
    # Python does not read the .pth files of a folder that a .pth file names: our own editable
    # install, which is one, stays out of sight.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    version = wheel.name.split("-")[1]
    run(python, "-I", "-c", USE, picture_of_one, version, cwd=tmp_path)
    command = environment / "bin" / "sightsound"
    assert run(command, "--version", cwd=tmp_path) == f"sightsound {version}\n"
    shipped = sorted(path.parent.name for path in ROOT.glob("presets/*/config.json"))
    listed = run(command, "presets", cwd=tmp_path).splitlines()[1:]
    assert [line.split()[0] for line in listed] == shipped


def test_both_wheels_hold_the_same_files(wheels: dict[str, Path]) -> None:
    contents = []
    for wheel in wheels.values():
        with zipfile.ZipFile(wheel) as archive:
            contents.append({info.filename: info.CRC for info in archive.infolist()})
    assert contents[0] == contents[1]


def test_the_wheel_holds_one_package_with_everything_in_it(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["checkout"]) as archive:
        names = archive.namelist()
        (entry_points,) = (n for n in names if n.endswith("entry_points.txt"))
        assert "sightsound = sightsound.cli:main" in archive.read(entry_points).decode()
    assert len(names) == len(set(names))
    package = [name for name in names if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in package} == {"sightsound"}
    expected = {"sightsound/py.typed"}
    for folder in ("models", "pipelines", "apps", "presets", "sightsound"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                inside = path.relative_to(ROOT).as_posix()
                expected.add(inside if folder == "sightsound" else f"sightsound/{inside}")
    assert set(package) == expected


def test_the_sdist_holds_what_builds_and_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "LICENSE",
        "Makefile",
        "README.md",
        "hatch_build.py",
        "pyproject.toml",
        "requirements.txt",
    }
    for folder in ("tests", "benchmarks"):
        needed |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob(f"{folder}/**/*.py")}
    assert needed <= names
    assert not {name for name in names if name.startswith((".venv/", "demo/", "runs/"))}
