"""A process of its own for work that may crash, hang or eat memory: started, limited, ended.

The child is of the lowest priority and its time runs out: as it does, its priority is raised step
by step, since on a busy core an idle process may wait for ever. It dies with its parent.
"""

import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeml.errors import Category, EngineError, StageError
from edgeml.parent import end_with
from edgeml_runtime import memory

_POLL_SECONDS = 0.1
_SHARE = 0.8  # of the memory that is left: the live model's own may grow meanwhile
_MOST_BYTES = 4 << 30
_OOM_SCORE = "1000"  # the first to go where memory ends, and not the one that predicts
# After this share of the time the child gets this nice value.
_RISING = ((0.25, 19), (0.5, 10), (0.75, 0))


@dataclass(frozen=True)
class Limits:
    """wall_seconds holds for CPU time too, memory_bytes for what is its own, not for what is mapped
    or reserved; None for most of what the system has left when it starts."""

    wall_seconds: float
    memory_bytes: int | None = None

    def settled(self) -> "Limits":
        """The same with an amount of memory."""
        if self.memory_bytes is not None:
            return self
        left = memory.available_bytes()
        return Limits(self.wall_seconds, int(_SHARE * left) if left else _MOST_BYTES)


@dataclass(frozen=True)
class Job:
    """What a child is started for, and what people read of it.

    name: begins sentences. module: run by this interpreter. longer, crashed: what to do where it
    takes too long, or ends without an answer.
    """

    name: str
    module: str
    longer: str
    crashed: str


def enter(arguments: Sequence[str]) -> tuple[list[str], Limits, int]:
    """In the child, before anything else: takes up its priority and limits.

    arguments: of the process. Returns those that `run` was given, the limits, and the descriptor
    that the answer is to be written to.
    """
    *given, wall, space, parent, answer = arguments
    limits = Limits(float(wall), int(space))
    end_with(int(parent))
    # Whoever ends the daemon may signal all of its processes; the daemon itself ends this one.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    seconds = math.ceil(limits.wall_seconds)
    assert limits.memory_bytes is not None
    _limit(resource.RLIMIT_DATA, limits.memory_bytes, limits.memory_bytes)
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    _limit(resource.RLIMIT_CORE, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    if _may_rise():
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:  # without the right to leave the idle class again nobody should enter it
        os.nice(19)
    return given, limits, int(answer)


def _limit(what: int, soft: int, hard: int) -> None:
    """Or what it is limited to already, as by a service manager: nobody may raise that."""
    most = resource.getrlimit(what)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(what, (soft, hard))


def run(
    job: Job, arguments: Sequence[str], limits: Limits, stopped: Callable[[], bool]
) -> bytes | None:
    """Runs the job's module and returns what it answered; None when `stopped`.

    Raises StageError when it took too long or too much memory, EngineError when it crashed.
    """
    limits = limits.settled()
    # Files in memory take any length, where a pipe that nobody reads would block the child.
    with (
        open(os.memfd_create("answer"), "w+b") as answer,
        open(os.memfd_create("said"), "w+b") as said,
    ):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                job.module,
                *arguments,
                str(limits.wall_seconds),
                str(limits.memory_bytes),
                str(os.getpid()),
                str(answer.fileno()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            pass_fds=(answer.fileno(),),
            start_new_session=True,
        )
        with process:
            try:
                if not _wait(process, job, limits, stopped):
                    return None
            finally:
                process.kill()
        answer.seek(0)
        said.seek(0)
        data = answer.read()
        if process.returncode in (-signal.SIGTERM, -signal.SIGINT) or stopped():
            return None  # ended with the daemon: that is no fault of the model's
        if process.returncode != 0 or not data:
            text = said.read().decode(errors="replace")
            raise _failure(job, process.returncode, text, limits)
    return data


def _wait(
    process: subprocess.Popen[bytes], job: Job, limits: Limits, stopped: Callable[[], bool]
) -> bool:
    """False when `stopped` before its end."""
    begin = time.monotonic()
    rising = list(_RISING)
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
            return True
        if stopped():
            return False
        share = (time.monotonic() - begin) / limits.wall_seconds
        if rising and share >= rising[0][0]:
            _raise(process.pid, rising.pop(0)[1])
        if share >= 1:
            raise StageError(
                f"{job.name} took longer than {limits.wall_seconds:g} s and was ended; "
                f"{job.longer}."
            )


def _may_rise() -> bool:
    # RLIMIT_NICE 20 allows nice 0.
    return os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20


def _raise(pid: int, nice: int) -> None:
    for task in Path(f"/proc/{pid}/task").glob("*"):
        # A thread may have ended meanwhile, and not every user may raise a priority.
        with suppress(ProcessLookupError, PermissionError):
            os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, int(task.name), nice)


def _failure(job: Job, code: int, said: str, limits: Limits) -> StageError | EngineError:
    last = next(iter(reversed(said.strip().splitlines())), "")
    if code == -signal.SIGXCPU:
        return StageError(
            f"{job.name} took more than {math.ceil(limits.wall_seconds)} s of CPU time and was "
            f"ended; {job.longer}."
        )
    if "MemoryError" in said or "bad_alloc" in said:
        return memory_error(job, limits)
    if code == -signal.SIGKILL:
        return StageError(
            f"{job.name} was killed from outside, as the kernel does where memory is short; free "
            "some, or give the device a smaller model.",
            category=Category.MEMORY_ALLOCATION,
        )
    if code < 0:
        return EngineError(f"{job.name} crashed with {signal.Signals(-code).name}; {job.crashed}.")
    return EngineError(
        f"{job.name} ended with exit code {code} and no result ({last or 'it said nothing'}); "
        f"{job.crashed}."
    )


def memory_error(job: Job, limits: Limits) -> StageError:
    return StageError(
        f"{job.name} needed more than the {(limits.memory_bytes or 0) >> 20} MiB of memory that it "
        "is allowed; free some, or use a smaller model.",
        category=Category.MEMORY_ALLOCATION,
    )
