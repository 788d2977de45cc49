"""What XLA compiled, kept from one process to the next."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TF_XLA_FLAGS"
FLAG = "--tf_xla_persistent_cache_directory="


def keep_compiled(folder: str | os.PathLike[str] | None = None) -> Path | None:
    """Let XLA keep what it compiles in a folder, so that a loop compiles once a machine.

    Call it before TensorFlow is imported; later it may have no effect, and does no harm. Where the
    environment names a folder already, that one stays.

    Args:
        folder: Where; a folder of the user's cache when None. It is made where it is missing.

    Returns:
        The folder; None where it cannot be made, and nothing is kept.
    """
    flags = os.environ.get(VARIABLE, "").split()
    for flag in flags:
        if flag.startswith(FLAG):
            return Path(flag.removeprefix(FLAG))
    if folder is None:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(cache) / "sightsound" / "xla"
    path = Path(folder).absolute()
    if len(str(path).split()) > 1:  # flags are separated by blanks, and cannot hold any
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    os.environ[VARIABLE] = " ".join([*flags, f"{FLAG}{path}"])
    return path
