"""One step at a time in a process of its own: a crash, a hang or an exception is a typed error."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from edgeml.errors import ConversionError, InputError
from edgeml_converters import messages
from edgeml_converters.extras import extra_for
from edgeml_converters.messages import Failed, Reply, Request

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


class StepRefused(StepError):
    """The step raised; `failure` is what the worker said."""

    def __init__(self, step: str, failure: Failed) -> None:
        super().__init__(step, f"{failure.kind}: {failure.message}")
        self.failure = failure


class Worker:
    """A child process that takes requests one by one; killed when one takes too long.

    log: the file that gets everything that the frameworks print.
    """

    def __init__(self, log: Path) -> None:
        # A developer sees what the frameworks say; everybody else sees edgeml's own sentence.
        debug = "EDGEML_DEBUG" in os.environ
        self._log = os.fdopen(os.dup(2), "ab") if debug else log.open("ab")
        self._buffer = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgeml_converters.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **_ENVIRONMENT},
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

        Raises InputError for bad input that the worker found, StepRefused when it raised, and
        StepError when it crashed or took longer than `timeout_seconds`; then it is dead.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(messages.encode(request) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise StepError(step, self._ending()) from None
        reply = self._reply(step, timeout_seconds)
        if isinstance(reply, Failed):
            if reply.missing is not None:
                raise InputError(
                    f"{step} needs {reply.missing}, which is not installed; install "
                    f"{extra_for(reply.missing)}."
                )
            if reply.kind == InputError.__name__:
                raise InputError(reply.message)
            raise StepRefused(step, reply)
        if not isinstance(reply, kind):
            raise TypeError(f"{step} answered {type(reply).__name__}, not {kind.__name__}")
        return reply

    def _reply(self, step: str, timeout_seconds: float) -> Reply:
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_seconds
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                self.close()
                raise StepError(
                    step,
                    f"it took longer than {timeout_seconds:g} s and was ended; allow more with "
                    "--timeout",
                )
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            if not piece:
                raise StepError(step, self._ending())
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        reply: Reply = messages.decode_reply(line)
        return reply

    def _ending(self) -> str:
        """How the process ended."""
        code = self._process.wait()
        self.close()
        if code < 0:
            return f"its process crashed with {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

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
