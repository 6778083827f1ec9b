"""One step at a time in a process of its own: a crash, a hang or an exception is a typed error."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import msgspec

from edgeml import errors
from edgeml.errors import ConversionError, InputError, StorageError
from edgeml_converters.extras import extra_for
from edgeml_converters.steps import messages
from edgeml_converters.steps.messages import Failed, Reply, Request
from edgeml_converters.steps.serving import EngineMissing

Answer = TypeVar("Answer", bound=msgspec.Struct)

# Quiet frameworks, Keras on TensorFlow, and no device but the CPU, where parity is shown. One hash
# seed, because tf2onnx orders the graph by sets of names.
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class StepError(ConversionError):
    """A step failed; `reason` is the part of the message behind the step's name."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step} failed: {reason}")
        self.reason = reason


class StepCrashed(StepError):
    """The step ended its process, or ran out of memory."""


class StepRefused(StepError):
    """The step raised; `failure` is what the worker said."""

    def __init__(self, step: str, failure: Failed) -> None:
        # The messages of edgeml's own errors are sentences already.
        whole = isinstance(getattr(errors, failure.kind, None), type)
        super().__init__(step, failure.message if whole else f"{failure.kind}: {failure.message}")
        self.failure = failure

    @property
    def engine_missing(self) -> bool:
        """Whether there is no fault at all, but an engine that is not installed here."""
        return self.failure.kind == EngineMissing.__name__


class Worker:
    """A child process that takes requests one by one; killed when one takes too long.

    log: the file that gets everything that the frameworks print. memory_bytes: what it may
    allocate; None for no limit.
    """

    def __init__(self, log: Path, memory_bytes: int | None = None) -> None:
        # A developer sees what the frameworks say; everybody else sees edgeml's own sentence.
        debug = "EDGEML_DEBUG" in os.environ
        self._log = os.fdopen(os.dup(2), "ab") if debug else log.open("ab")
        self._log_file = log
        self._memory_bytes = memory_bytes
        self._buffer = b""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "edgeml_converters.worker",
                str(memory_bytes or 0),
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # What a library leaves in the folder for temporary files goes with ours, however this
            # process ends.
            env={**os.environ, **_ENVIRONMENT, "TMPDIR": str(log.absolute().parent)},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(
        self, step: str, request: Request, kind: type[Answer], timeout_seconds: float
    ) -> Answer:
        """The answer to `request`.

        Raises InputError for bad input that the worker found, StepRefused when it raised,
        StepCrashed when it crashed, and StepError when it took longer than `timeout_seconds` and
        was ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(messages.encode(request) + b"\n")
            self._process.stdin.flush()
            reply = self._reply(step, timeout_seconds)
        except BrokenPipeError:
            raise StepCrashed(step, self._ending()) from None
        except (KeyboardInterrupt, SystemExit):
            self.close()  # else what it answers yet is taken for the answer to what is asked next
            raise
        if isinstance(reply, Failed):
            if reply.missing is not None:
                raise InputError(
                    f"{step} needs {reply.missing}, which is not installed; install "
                    f"{extra_for(reply.missing)}."
                )
            if reply.kind == InputError.__name__:
                raise InputError(reply.message)
            if reply.kind == StorageError.__name__:
                raise StorageError(reply.message)
            if "No space left on device" in reply.message:
                raise StorageError(f"{step} failed: the disk is full; free some space.")
            if reply.kind == MemoryError.__name__ or "bad_alloc" in reply.message:
                raise StepCrashed(step, self._out_of_memory())
            raise StepRefused(step, reply)
        if not isinstance(reply, kind):
            raise TypeError(f"{step} answered {type(reply).__name__}, not {kind.__name__}")
        return reply

    def _reply(self, step: str, timeout_seconds: float) -> Reply:
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_seconds
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self._process.stdout], [], [], min(left, 3600.0))[0]
            if left <= 0 or (not ready and left <= 3600.0):
                self.close()
                raise StepError(
                    step,
                    f"it took longer than {timeout_seconds:g} s and was ended; allow more with "
                    "--timeout",
                )
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            if not piece:
                raise StepCrashed(step, self._ending())
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            reply: Reply = messages.decode_reply(line)
        except msgspec.DecodeError as error:
            raise StepError(step, f"its answer cannot be used ({error})") from error
        return reply

    def _ending(self) -> str:
        """How the process ended."""
        code = self._process.wait()
        self.close()
        if code == -signal.SIGABRT and _tells_of_memory(self._log_file):
            return self._out_of_memory()
        if code < 0:
            return (
                f"its process crashed with {signal.Signals(-code).name}; EDGEML_DEBUG=1 shows more"
            )
        return f"its process ended with exit code {code}; let the model's code raise and not exit"

    def _out_of_memory(self) -> str:
        if not self._memory_bytes:
            return "it ran out of memory; use a smaller model or a larger machine"
        return (
            f"it needed more than the {self._memory_bytes / (1 << 30):.3g} GiB of memory that are "
            "allowed; use a smaller model or allow more with --memory"
        )

    def close(self) -> None:
        """Ends the process and whatever it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended, and nothing that it started is left
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass  # a request that the process did not live to read
        self._log.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _tells_of_memory(log: Path) -> bool:
    """Whether a C++ library's last words were of memory."""
    tail = log.read_bytes()[-4096:] if log.is_file() else b""
    return b"bad_alloc" in tail or b"length_error" in tail or b"out of memory" in tail


def ask_once(step: str, request: Request, kind: type[Answer], timeout_seconds: float) -> Answer:
    """See Worker.ask; by a worker of its own, in whose memory nothing is left of another step."""
    with (
        TemporaryDirectory(prefix="edgeml-step-") as folder,
        Worker(Path(folder) / "step.log") as worker,
    ):
        return worker.ask(step, request, kind, timeout_seconds)
