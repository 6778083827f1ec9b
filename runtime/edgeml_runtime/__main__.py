"""The door of the device: `edgeml-runtime`."""

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeml import __version__
from edgeml.errors import EdgemlError, InputError
from edgeml.limits import LIMITS
from edgeml_runtime import memory
from edgeml_runtime.daemon import Config, Daemon
from edgeml_runtime.engines.registry import ENGINES
from edgeml_runtime.replay import Replay
from edgeml_runtime.serving.server import Server


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _rate(text: str) -> float:
    return 0.0 if float(text) == 0 else _positive(text)


def _window(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 1000")
    return value


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="edgeml-runtime",
        description="Predicts on a device, follows a channel, swaps versions without a pause.",
    )
    add = made.add_argument
    add("--broker", required=True, metavar="URL", help="mqtt://HOST:PORT, or mqtts://")
    add("--fleet", required=True, metavar="F")
    add("--device", required=True, metavar="ID", help="this device's name in the fleet")
    add("--model", required=True, metavar="N")
    add("--channel", default="stable", metavar="C", help="default: stable")
    add("--store", required=True, type=Path, metavar="DIR", help="where versions are kept")
    add("--engine", choices=ENGINES, help="use this engine only; default: any that works")
    add("--http", metavar="HOST:PORT", help="serve Open Inference Protocol V2 there")
    add("--socket", type=Path, metavar="PATH", help="serve the same on a Unix socket")
    add("--replay", type=Path, metavar="FILE.npz", help="predict its samples again and again")
    add("--rate", type=_rate, default=10.0, metavar="HZ", help="of the replay; 0: at full speed")
    add("--record", type=Path, metavar="FILE.csv", help="one line a replayed prediction")
    add("--report-seconds", type=_positive, default=10.0, metavar="S", help="a telemetry window")
    add("--window", type=_window, default=LIMITS.fetch_window_blobs, metavar="BLOBS",
        help="blobs asked for at once")  # fmt: skip
    add("--stage-seconds", type=_positive, default=LIMITS.stage_wall_seconds, metavar="S",
        help="after which staging is given up")  # fmt: skip
    add("--version", action="version", version=f"edgeml-runtime {__version__}")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    try:
        run(options)
    except EdgemlError as error:
        _end(str(error), error.exit_code)
    except Exception as error:
        if os.environ.get("EDGEML_DEBUG"):
            traceback.print_exc()
        _end(f"an unforeseen {type(error).__name__}: {error}; run again with EDGEML_DEBUG=1.", 1)


def run(options: argparse.Namespace) -> None:
    """Runs until SIGTERM or SIGINT."""
    if options.record and not options.replay:
        raise InputError("--record writes what --replay predicts; give both or neither.")
    memory.configure()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    config = Config(
        broker=options.broker,
        fleet=options.fleet,
        device=options.device,
        model=options.model,
        channel=options.channel,
        store=options.store.absolute(),
        engine=options.engine,
        report_seconds=options.report_seconds,
        limits=replace(
            LIMITS, fetch_window_blobs=options.window, stage_wall_seconds=options.stage_seconds
        ),
    )
    daemon = Daemon(config)
    parts: list[Server | Replay] = []
    if options.http or options.socket:
        http = _address(options.http) if options.http else None
        parts.append(Server(daemon.live, options.model, http=http, socket=options.socket))
    if options.replay:
        parts.append(Replay(daemon.live, options.replay, options.rate, options.record))
    with daemon:
        try:
            for part in parts:
                part.start()
            ended.wait()
        finally:
            for part in parts:
                part.stop()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise InputError(f"--http takes HOST:PORT, for example 127.0.0.1:8080, not {text!r}.")
    return host.strip("[]"), int(port)


def _end(sentence: str, exit_code: int) -> None:
    print(f"edgeml-runtime: {sentence}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
