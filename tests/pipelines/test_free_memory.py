"""How much memory is free, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from pipelines.free_memory import free_memory_bytes

GIB = 2**30
MEMINFO = "MemTotal:       16000000 kB\nMemFree:          100 kB\nMemAvailable:    8388608 kB\n"


def write(folder: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return folder


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine with eight gibibytes that nobody uses."""
    return write(tmp_path / "proc", {"meminfo": MEMINFO})


def test_this_machine_has_some() -> None:
    free = free_memory_bytes()
    assert free is not None
    assert 0 < free <= psutil.virtual_memory().total


def test_without_a_container_it_is_the_machines(proc: Path, tmp_path: Path) -> None:
    assert free_memory_bytes(proc, tmp_path / "none") == 8 * GIB


def test_a_containers_limit_counts(proc: Path, tmp_path: Path) -> None:
    stat = f"anon 5\ninactive_file {GIB}\nactive_file 7"
    files = {"memory.max": 4 * GIB, "memory.current": 3 * GIB, "memory.stat": stat}
    cgroup = write(tmp_path / "cgroup", files)
    assert free_memory_bytes(proc, cgroup) == 2 * GIB
    write(cgroup, {"memory.max": 100 * GIB})
    assert free_memory_bytes(proc, cgroup) == 8 * GIB
    write(cgroup, {"memory.max": "max"})
    assert free_memory_bytes(proc, cgroup) == 8 * GIB
    write(cgroup, {"memory.max": GIB})
    assert free_memory_bytes(proc, cgroup) == 0


def test_so_does_one_of_the_first_version(proc: Path, tmp_path: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": 3 * GIB,
        "memory/memory.usage_in_bytes": 3 * GIB,
        "memory/memory.stat": f"cache 1\ntotal_inactive_file {2 * GIB}",
    }
    assert free_memory_bytes(proc, write(tmp_path / "cgroup", files)) == 2 * GIB


def test_elsewhere_it_is_not_known(tmp_path: Path) -> None:
    assert free_memory_bytes(tmp_path, tmp_path) is None
    write(tmp_path, {"meminfo": "nothing of the kind"})
    assert free_memory_bytes(tmp_path, tmp_path) is None
