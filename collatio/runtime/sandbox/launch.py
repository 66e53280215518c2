"""How a zygote is exec'd: isolated, with a chosen import path, an all but empty environment, one socket.

`-I` keeps the caller's environment and working directory out of the import path; the path it needs (a
clone, an installed wheel, plugins) is handed over as arguments instead, since neither `-m` nor PYTHONPATH
reach a clone under `-I`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import collatio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BOOT = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from collatio.runtime.sandbox.child.main import main; main(int(sys.argv[1]))"
)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def import_path(extra: Sequence[str] = ()) -> list[str]:
    """List this process's import path as absolute paths that can be read, `extra` last."""
    own = str(Path(collatio.__file__).parent.parent)
    entries = [str(Path(entry).absolute()) for entry in (*sys.path, own, *extra)]
    return [entry for entry in dict.fromkeys(entries) if os.access(entry, os.R_OK)]


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Make the zygote's environment: a locale, one thread a numeric library, the loader's path if any.

    A numeric library that started threads would make forking unsafe; arenas are capped because each one
    reserves address space that counts against a sandbox's limit.
    """
    kept = {name: inherited[name] for name in _LOADER if name in inherited}
    return {"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2", **dict.fromkeys(_ONE_THREAD, "1"), **kept}


def launch(control: int, path: Sequence[str], inherited: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a zygote that holds the descriptor `control` and this process's stderr, nothing else.

    It leads a session of its own, so that a terminal's Ctrl-C and a supervisor's group signals pass it by:
    a worker that drains needs its sandboxes to the end.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _BOOT, str(control), *path],
        env=environment(inherited),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(control,),
        cwd="/",
        start_new_session=True,
    )
