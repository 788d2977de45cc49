import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = (
    "apps",
    "audio",
    "inpaint",
    "hub",
    "addons",
    "safetensors",
    "openvino",
    "onnx",
    "tune",
    "scale",
    "dev",
)  # what the Makefile installs
PYTHONS = ("3.11", "3.12", "3.13")

DIRECT = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *(PROJECT["optional-dependencies"][e] for e in EXTRAS))
    for text in group
]


def pins(python: str) -> dict[str, Version]:
    """Return what the lock installs under a Python on Linux."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
    }
    found: dict[str, Version] = {}
    for line in LINES:
        if line.startswith(("#", " ", "-")):
            continue
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", line
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is pinned twice under Python {python}"
            found[name] = Version(specifier.version)
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_dependency_is_pinned_within_its_range(python: str) -> None:
    pinned = pins(python)
    for requirement in DIRECT:
        if requirement.marker and not requirement.marker.evaluate({"python_version": python}):
            continue
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: {version}; run make lock"


def test_the_supported_pythons_are_these() -> None:
    assert Requirement(f"python{PROJECT['requires-python']}").specifier == (
        Requirement("python>=3.11,<3.14").specifier
    )
    stated = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if ":: Python ::" in c]
    assert tuple(stated) == PYTHONS


@pytest.mark.parametrize(
    "package", ["tensorflow", "keras", "tensorflow-addons", "librosa", "streamlit"]
)
def test_the_five_named_packages_are_locked(package: str) -> None:
    assert canonicalize_name(package) in pins("3.11")


def test_addons_end_at_python_3_11() -> None:
    assert "tensorflow-addons" not in pins("3.12")


def test_the_lock_ends_in_the_checkout_itself() -> None:
    assert LINES[-1] == "-e ."
    assert [line for line in LINES if line.startswith("-")] == ["-e ."]


def test_the_lock_names_no_host_and_no_machine() -> None:
    text = "\n".join(LINES)
    assert not re.search(r"://|--index|--find-links|--extra-index|@ ?file|\s/\w+/", text)


def test_the_makefile_locks_the_same_extras() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert f"EXTRAS := {' '.join(EXTRAS)}\n" in makefile
