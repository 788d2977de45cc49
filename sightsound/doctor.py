"""What this machine and this installation have, for a person and for a bug report.

Nothing here fails: a package that does not import is a finding like any other.
"""

from __future__ import annotations

import os
import platform
import re
from collections import defaultdict
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

from sightsound.console import table
from sightsound.quiet import quiet_start

# What a bug report needs first; the rest follows from these.
PACKAGES = (
    "sightsound",
    "tensorflow",
    "keras",
    "numpy",
    "pillow",
    "h5py",
    "streamlit",
    "librosa",
    "tensorflow-addons",
)
GIB = 2**30

Findings = dict[str, Any]


def examine() -> Findings:
    """Return plain values: `machine`, `devices`, `versions`, `presets`, `extras`."""
    return {
        "machine": machine(),
        "devices": devices(),
        "versions": versions(),
        "presets": presets(),
        "extras": extras(),
    }


def is_well(findings: Findings) -> bool:
    """Return whether TensorFlow starts and no preset is damaged."""
    reports = [*findings["devices"], *findings["presets"]]
    return not any(report["error"] for report in reports)


def machine() -> dict[str, Any]:
    """Return the operating system, the cores that this process may use, and the memory in GiB."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    memory = round(pages * os.sysconf("SC_PAGE_SIZE") / GIB, 1) if pages else None
    return {"system": platform.platform(), "cores": cores, "memory_gib": memory}


def devices() -> list[dict[str, Any]]:
    """Return the devices that TensorFlow can compute on."""
    try:
        with quiet_start():
            import tensorflow as tf
    except Exception as error:  # packages that do not fit together raise anything
        return [{"type": "none", "name": "TensorFlow does not start", "error": str(error)}]
    found = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        name = details.get("device_name", device.name)
        found.append({"type": device.device_type, "name": name, "error": None})
    return found


def versions() -> dict[str, str | None]:
    """Return the version of Python and of each of `PACKAGES`; None for one that is missing."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def presets() -> list[dict[str, Any]]:
    """Return each preset that ships with the package, loaded and so checked by its hash."""
    try:
        from pipelines.presets import PresetError, list_presets, load_preset
    except Exception as error:  # as above
        return [{"name": "none", "task": None, "error": str(error)}]
    found = []
    for name in list_presets():
        try:
            task, problem = load_preset(name).task, None
        except PresetError as error:
            task, problem = None, str(error)
        found.append({"name": name, "task": task, "error": problem})
    return found


def extras() -> dict[str, list[str]]:
    """Return what each extra still lacks on this Python; an empty list says it is installed."""
    try:
        required = metadata.requires("sightsound") or []
    except metadata.PackageNotFoundError:  # a checkout that nobody has installed
        return {}
    lacking: dict[str, list[str]] = defaultdict(list)
    for text in required:
        requirement = Requirement(text)
        extra = re.search(r"extra == ['\"](\w+)['\"]", text)
        if extra is None:
            continue
        missing = lacking[extra[1]]
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra[1]}):
            version = _version(requirement.name)
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                missing.append(str(requirement).partition(";")[0].strip())
    return dict(lacking)


def describe(findings: Findings) -> str:
    """Return the findings as text for people."""
    machine = findings["machine"]
    versions = [
        (name, version or "not installed") for name, version in findings["versions"].items()
    ]
    devices = [(d["type"], d["error"] or d["name"]) for d in findings["devices"]]
    presets = [(p["name"], p["task"] or "", p["error"] or "ok") for p in findings["presets"]]
    extras = [
        (name, f"lacks {', '.join(lacking)}: pip install 'sightsound[{name}]'" if lacking else "ok")
        for name, lacking in findings["extras"].items()
    ]
    memory = f"{machine['memory_gib']} GiB of memory"
    return "\n\n".join(
        [
            f"{machine['system']}, {machine['cores']} cores, {memory}",
            table(("device", "name"), devices),
            table(("package", "version"), versions),
            table(("preset", "task", "state"), presets),
            table(("extra", "state"), extras or [("none", "Sightsound is not installed here")]),
        ]
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
