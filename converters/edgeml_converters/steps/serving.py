"""The loop of a worker process: each request on its stdin is answered on what was its stdout.

Everything that a framework or an engine prints goes to stderr, which the parent sends to a log.
"""

import os
import re
import resource
import sys
import traceback
from collections.abc import Callable

from edgeml.errors import EdgemlError, EngineError, first_line
from edgeml_converters.extras import EXTRAS
from edgeml_converters.steps import messages
from edgeml_converters.steps.messages import Failed, Reply, Request


class EngineMissing(EngineError):
    """The engine's library is not installed here."""


def serve(answer: Callable[[Request], Reply], memory_bytes: int) -> None:
    """Answers requests until the parent closes the pipe.

    memory_bytes: what the process may allocate; 0 for no limit.
    """
    if memory_bytes:  # private memory, and not address space, of which a framework reserves a lot
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    for line in requests:
        reply: Reply
        try:
            reply = answer(messages.decode_request(line))
        except EdgemlError as error:
            reply = Failed(kind=type(error).__name__, message=str(error))
        except Exception as error:
            traceback.print_exc()
            reply = _failed(error)
        sys.stdout.flush()  # before the answer: whoever has it may end this process
        replies.write(messages.encode(reply) + b"\n")


def _failed(error: Exception) -> Failed:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # exporters write in colours
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    package = missing.partition(".")[0]
    return Failed(
        kind=type(error).__name__,
        message=first_line(text).strip() or "it gave no reason",
        missing=package if package in EXTRAS else None,
    )
