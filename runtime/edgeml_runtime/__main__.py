"""`edgeml-runtime`: the daemon of one device; see --help."""

import argparse
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from edgeml import __version__
from edgeml.errors import EdgemlError, InputError
from edgeml.limits import LIMITS
from edgeml_runtime import memory
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.engines.registry import ENGINES
from edgeml_runtime.replay import Replay
from edgeml_runtime.serving.server import Server, parse_address
from edgeml_runtime.signals import EndSignals
from edgeml_runtime.systemd import notify, watchdog_seconds
from edgeml_runtime.telemetry.reporter import say


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "None":  # type: ignore[override]
        raise InputError(f"{message}; see edgeml-runtime --help.")


def parser() -> argparse.ArgumentParser:
    p = _Parser(prog="edgeml-runtime", description="Runs models of a fleet on this device.")
    p.add_argument("--version", action="version", version=__version__)
    p.add_argument("--broker", required=True, metavar="URL", help="mqtt://HOST:PORT")
    p.add_argument("--fleet", required=True, metavar="NAME", help="the fleet's name")
    p.add_argument("--device", required=True, metavar="NAME", help="unique in the fleet")
    p.add_argument(
        "--model",
        required=True,
        action="append",
        metavar="NAME[@CHANNEL]",
        help="a model that it runs, and whose releases it follows; again for each",
    )
    p.add_argument(
        "--channel", default="stable", metavar="NAME", help="of the models that name none"
    )
    p.add_argument(
        "--store",
        required=True,
        type=_folder,
        metavar="DIR",
        help="models and state; one daemon each",
    )
    p.add_argument(
        "--engine", choices=ENGINES, help="the only one to use; else the first that works"
    )
    p.add_argument(
        "--threads",
        type=_positive_int,
        default=1,
        metavar="N",
        help="of the engines, for all models",
    )
    p.add_argument("--replay", type=Path, metavar="FILE.npz", help="predict these rows for ever")
    p.add_argument(
        "--rate",
        type=_rate,
        default=0.0,
        metavar="HZ",
        help="rows a second; 0 is full speed",
    )
    p.add_argument("--record", type=Path, metavar="FILE.csv", help="a line for each replayed row")
    p.add_argument(
        "--http", type=_address, metavar="HOST:PORT", help="Open Inference Protocol V2 over HTTP"
    )
    p.add_argument("--socket", type=Path, metavar="PATH", help="the same over a Unix socket")
    p.add_argument("--report-seconds", type=_seconds, default=10.0, metavar="S",
                   help="length of a telemetry window")  # fmt: skip
    p.add_argument("--window", type=_positive_int, default=LIMITS.fetch_window_blobs, metavar="N",
                   help="blobs asked for at once")  # fmt: skip
    p.add_argument("--stage-seconds", type=_seconds, default=LIMITS.stage_wall_seconds,
                   metavar="S", help="time limit of the self-test")  # fmt: skip
    p.add_argument("--stall-seconds", type=_seconds, default=LIMITS.fetch_window_seconds,
                   metavar="S", help="without a new blob before that is reported")  # fmt: skip
    p.add_argument("--retry-seconds", type=_seconds, default=60.0, metavar="S",
                   help="before a release is tried again after a full disk")  # fmt: skip
    return p


def _number(
    text: str, kind: type[int] | type[float], low: float, high: float, wanted: str
) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return value


def _positive_int(text: str) -> int:
    return int(_number(text, int, 1, 1 << 20, "a whole number from 1"))


def _address(text: str) -> str:
    parse_address(text)  # before anything is started
    return text


def _seconds(text: str) -> float:
    return _number(text, float, 1e-3, 1e9, "a number of seconds")


def _rate(text: str) -> float:
    value = _number(text, float, 0, 1e6, "a rate in Hz from 0 to a million")
    if 0 < value < 1e-3:
        raise argparse.ArgumentTypeError(f"{text!r} Hz is less than one row in 1000 s")
    return value


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("a folder without a name")
    return Path(text)


def _followed(text: str, channel: str, engine: str | None) -> Followed:
    model, _, own = text.partition("@")
    return Followed(model, own or channel, engine)


def run(arguments: Sequence[str]) -> None:
    options = parser().parse_args(arguments)
    if options.record and not options.replay:
        raise InputError("--record writes what --replay predicts; give --replay FILE.npz too.")
    if options.replay and len(options.model) > 1:
        raise InputError("--replay feeds one model, but --model names several; start it for one.")
    config = Config(
        broker=options.broker,
        fleet=options.fleet,
        device=options.device,
        models=tuple(_followed(name, options.channel, options.engine) for name in options.model),
        store=options.store,
        threads=options.threads,
        report_seconds=options.report_seconds,
        window_blobs=options.window,
        stage_seconds=options.stage_seconds,
        stall_seconds=options.stall_seconds,
        retry_seconds=options.retry_seconds,
    )
    replay = Replay(options.replay, options.rate) if options.replay else None
    memory.configure()
    ended = EndSignals()
    # Everything that may be refused comes before the start: whoever has the store has the record.
    device = Device(config)
    servers = [
        Server(device.models, place)
        for place in (options.http, options.socket)
        if place is not None
    ]
    if replay and options.record:
        replay.record(options.record)
    with ExitStack() as until_the_end:
        until_the_end.enter_context(device)
        for server in servers:
            until_the_end.enter_context(server)
        notify(READY=1)
        thread = threading.Thread(target=_replaying, args=(replay, device)) if replay else None
        if thread:
            thread.start()
        watch(device, ended.wait)
        notify(STOPPING=1)
    if thread:
        thread.join()


def watch(device: Device, ended: Callable[[float | None], bool]) -> None:
    """Waits for the end; tells a service manager meanwhile that all is well, while it is."""
    within = watchdog_seconds()
    while not ended(within / 3 if within else None):
        if not device.dead:
            notify(WATCHDOG=1)


def _replaying(replay: Replay, device: Device) -> None:
    """An error ends the replay and nothing else; the fleet is told."""
    try:
        replay.run(device)
    except EdgemlError as error:
        device.incident(error)
    except Exception as error:
        device.incident(
            EdgemlError(f"An unforeseen {type(error).__name__} ended the replay: {error}")
        )


def main() -> None:
    try:
        run(sys.argv[1:])
    except EdgemlError as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        _end("interrupted.", 128 + signal.SIGINT)
    except Exception as error:
        if os.environ.get("EDGEML_DEBUG"):
            traceback.print_exc()
        _end(f"An unforeseen {type(error).__name__}: {error}; run again with EDGEML_DEBUG=1.", 1)


def _end(sentence: str, exit_code: int) -> None:
    say(sentence)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
