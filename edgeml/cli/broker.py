"""`edgeml broker`: a broker on this machine, for trying out and for tests."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer


def broker_command(
    engine: Annotated[
        str, typer.Option(help="embedded, mosquitto, or auto: the first that is installed.")
    ] = "auto",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 1883,
    data: Annotated[
        Path | None,
        typer.Option(help="Keep retained messages in this folder (mosquitto only)."),
    ] = None,
) -> None:
    """Run an MQTT 5 broker on 127.0.0.1 until Ctrl-C or SIGTERM.

    Prints its URL once it accepts connections. Anyone on this machine may connect: for a real fleet
    run a broker of your own with users and TLS.

    Exit codes: 0 ended by a signal, 2 bad input or the port is in use, 8 no broker is installed or
    it ended by itself.
    """
    from edgeml.errors import BrokerError
    from edgeml_devices.broker import start_broker

    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ending.set())
    with start_broker(engine, port, data) as broker:
        print(broker.url, flush=True)
        while not ending.wait(0.25):
            if broker.exit_code is not None:
                raise BrokerError(
                    f"The {broker.engine.name} broker ended by itself with exit code "
                    f"{broker.exit_code}; start it again."
                )
