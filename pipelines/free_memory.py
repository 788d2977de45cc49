"""How much memory a process may still take."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def free_memory_bytes(proc: Path = PROC, cgroup: Path = CGROUP) -> int | None:
    """Return what is free on this machine or, in a container, within its limit; None if unknown.

    Memory that only caches files counts as free. Linux tells; other systems do not.

    Args:
        proc: Where Linux tells about the machine.
        cgroup: And about the limits of a container.
    """
    known = []
    for look in (_of_machine, _of_container, _of_old_container):
        with suppress(OSError, ValueError, KeyError):
            known.append(look(proc, cgroup))
    return max(min(known), 0) if known else None


def _of_machine(proc: Path, _: Path) -> int:
    return 1024 * _table(proc / "meminfo")["MemAvailable"]


def _of_container(_: Path, cgroup: Path) -> int:
    limit = int((cgroup / "memory.max").read_text())  # "max" where there is none: a ValueError
    used = int((cgroup / "memory.current").read_text())
    return limit - used + _table(cgroup / "memory.stat")["inactive_file"]


def _of_old_container(_: Path, cgroup: Path) -> int:
    """Read the first version of control groups; without a limit it states 2^63, nearly."""
    folder = cgroup / "memory"
    limit = int((folder / "memory.limit_in_bytes").read_text())
    used = int((folder / "memory.usage_in_bytes").read_text())
    return limit - used + _table(folder / "memory.stat")["total_inactive_file"]


def _table(path: Path) -> dict[str, int]:
    """Read lines of a name and a number."""
    return {
        name: int(number)
        for name, number in re.findall(r"^(\w+):?\s+(\d+)", path.read_text(), re.M)
    }
