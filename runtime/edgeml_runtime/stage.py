"""Staging: a new version is prepared and tested in a process of its own, the live one undisturbed.

As a program (`python -m edgeml_runtime.stage FOLDER VARIANT ENGINE ADDRESS_SPACE`)
it is the child: idle class, bounded address space; it prints one JSON line, a Staged.
"""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgeml import documents
from edgeml.documents import Strict
from edgeml.errors import Category, EdgemlError, EngineError, HoldoutError, StageError
from edgeml.limits import LIMITS, Limits
from edgeml.manifest import Manifest
from edgeml_runtime.engines.registry import engine_class
from edgeml_runtime.loader import check_holdout, open_engine
from edgeml_runtime.store import Opened

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_IDLE_SECONDS = 5.0  # in the idle class, then
_NICE_SECONDS = 15.0  # at nice 19, then like everybody
_ERRORS: dict[str, type[EdgemlError]] = {
    kind.__name__: kind for kind in (EngineError, HoldoutError, StageError)
}


class Staged(Strict, frozen=True, kw_only=True):
    """What the child found. prepared: the file to load; error: the class of what went wrong."""

    prepared: str = ""
    samples: int = 0
    error: str = ""
    message: str = ""


def stage(opened: Opened, engine: str, limits: Limits = LIMITS) -> Staged:
    """Prepares the variant and runs the shipped holdout in a child process.

    Raises EngineError, HoldoutError or StageError: refused, crashed, hung or too large.
    """
    command = [
        sys.executable, "-m", "edgeml_runtime.stage", str(opened.folder), opened.variant.id,
        engine, str(limits.stage_address_space_bytes),
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = _wait(child, limits.stage_wall_seconds)
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise StageError(
            f"Staging died of {name} while {engine} loaded or ran the model; convert it for "
            "another engine.",
            category=Category.EXECUTION,
        )
    if child.returncode != 0 or not output:
        last = (errors.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        kind = Category.MEMORY_ALLOCATION if "MemoryError" in last else Category.EXECUTION
        raise StageError(f"Staging failed: {last}", category=kind)
    staged = documents.decode(output.splitlines()[-1], Staged, "the staging result", StageError)
    if staged.error:
        raise _ERRORS.get(staged.error, StageError)(staged.message)
    return staged


def _wait(child: "subprocess.Popen[bytes]", wall_seconds: float) -> tuple[bytes, bytes]:
    """Waits for the child; raises its priority step by step, since on a saturated core a process
    of the idle class may never run; kills it at the limit."""
    deadline = time.monotonic() + wall_seconds
    for patience, nice in ((_IDLE_SECONDS, 19), (_NICE_SECONDS, 0), (wall_seconds, 0)):
        try:
            return child.communicate(timeout=max(min(patience, deadline - time.monotonic()), 0.01))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.sched_setscheduler(child.pid, os.SCHED_OTHER, os.sched_param(0))
                os.setpriority(os.PRIO_PROCESS, child.pid, nice)
    child.kill()
    child.communicate()
    raise StageError(
        f"Staging did not end within {wall_seconds:g} s; the model is too slow for this device.",
        category=Category.PERFORMANCE_REGRESSION,
    )


def _child(folder: Path, variant_id: str, engine: str, address_space: int) -> Staged:
    manifest = documents.decode(
        (folder / "manifest.json").read_bytes(), Manifest, "the manifest", StageError
    )
    variant = next(v for v in manifest.variants if v.id == variant_id)
    opened = Opened(folder, manifest, variant)
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    try:
        prepared = engine_class(engine).prepare(opened.entry, opened.prepared_folder)
        loaded = open_engine(engine, variant, prepared)
        holdout = opened.holdout()
        check_holdout(loaded, variant, holdout, opened.contract())
    except MemoryError:
        return Staged(
            error="StageError",
            message=f"Staging needs more than {address_space >> 20} MiB of address space; the "
            "model is too large for this device.",
        )
    except EdgemlError as error:
        return Staged(error=type(error).__name__, message=str(error))
    return Staged(prepared=str(prepared), samples=holdout.samples)


def main() -> None:
    # The child ends with the daemon, however that ends.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(19)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    folder, variant, engine, address_space = sys.argv[1:]
    print(documents.encode(_child(Path(folder), variant, engine, int(address_space))).decode())


if __name__ == "__main__":
    main()
