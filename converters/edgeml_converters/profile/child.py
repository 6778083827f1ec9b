"""The child process: one request on stdin, one answer on what was its stdout."""

import ctypes
import os
import signal
import sys
import traceback
from pathlib import Path

import msgspec

from edgeml.errors import EdgemlError
from edgeml_converters.profile.requests import Failed, Read, Reply, Request, Time, decode_request

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def _answer(request: Request) -> Reply:
    match request:
        case Time():
            from edgeml_converters.profile.timing import time_calls

            return time_calls(request)
        case Read(format="onnx"):
            from edgeml_converters.profile import onnx_anatomy

            return onnx_anatomy.read(Path(request.entry), request.shapes)
        case Read():
            from edgeml_converters.profile import tflite_anatomy

            return tflite_anatomy.read(Path(request.entry), request.shapes)


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # it ends with its parent
    answer = os.dup(1)
    os.dup2(2, 1)  # engines print as they like
    reply: Reply
    try:
        reply = _answer(decode_request(sys.stdin.buffer.read()))
    except EdgemlError as error:
        reply = Failed(kind=type(error).__name__, message=str(error))
    except Exception as error:
        traceback.print_exc()
        first = next(iter(str(error).strip().splitlines()), "it gave no reason")
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        reply = Failed(kind=type(error).__name__, message=first, missing=missing)
    with os.fdopen(answer, "wb") as stream:
        stream.write(msgspec.json.encode(reply))


if __name__ == "__main__":
    main()
