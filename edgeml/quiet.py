"""Libraries that phone home are told not to, before the first of them is loaded.

A device that reports to a stranger without its operator's word is a defect, so what a library sends
is off unless the operator turns it on: a variable that is set already stays as it is. The table in
docs/runtime.md says what every library was seen to do.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Silence:
    """One library's switch.

    variable, off: what stops it.
    on: the value by which an operator leaves it on.
    what: what it does when it is left on.
    """

    library: str
    variable: str
    off: str
    on: str
    what: str


SILENCES = (
    Silence(
        library="onnxruntime",
        variable="ORT_DISABLE_TELEMETRY",
        off="1",
        on="0",
        what="from 1.29 on, reports processes, models and errors to its maker's collector, and "
        "keeps a device id, a database and a session file",
    ),
)


def be_quiet(environment: MutableMapping[str, str]) -> None:
    """Sets what `environment` does not say already; processes that are started inherit it.

    An empty variable says nothing: the library would take it for its being on.
    """
    for silence in SILENCES:
        if not environment.get(silence.variable):
            environment[silence.variable] = silence.off
