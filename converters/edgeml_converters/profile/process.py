"""A request to a child process that ends with its answer."""

import signal
import subprocess
import sys

import msgspec

from edgeml_converters.profile.requests import Failed, Reply, Request, decode_reply


def ask(request: Request, timeout_seconds: float) -> Reply:
    """The child's answer; Failed too where it crashed or took longer than `timeout_seconds`."""
    command = [sys.executable, "-m", "edgeml_converters.profile.child"]
    try:
        done = subprocess.run(
            command,
            input=msgspec.json.encode(request),
            capture_output=True,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired:
        return Failed(
            kind="TimeoutError",
            message=f"it took longer than {timeout_seconds:g} s and was ended; use a smaller model "
            "or allow more with --timeout",
        )
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return Failed(kind="Crash", message=f"its process crashed with {name}")
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return Failed(
            kind="Crash",
            message=f"its process ended with exit code {done.returncode}"
            + (f" ({said[-1]})" if said else ""),
        )
    reply: Reply = decode_reply(done.stdout)
    return reply
