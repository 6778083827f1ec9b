"""What the command and its child process say to each other: one JSON document each way."""

import msgspec

from edgeml.documents import Strict
from edgeml.manifest import Format, Optimisation
from edgeml_converters.formats.tensors import Ranges, Shapes
from edgeml_converters.profile.document import Layer


class Time(Strict, frozen=True, kw_only=True, tag=True):
    """Run the file on an engine for some seconds; ranges and shapes by the file's input names."""

    engine: str
    optimisation: Optimisation
    entry: str
    threads: int
    batch: int
    seconds: float
    ranges: Ranges
    shapes: Shapes


class Timed(Strict, frozen=True, kw_only=True, tag=True):
    """shapes: of the inputs that it ran with; the other fields as in EngineProfile."""

    version: str
    runs: int
    p50_us: float
    p99_us: float
    peak_mib: float
    shapes: Shapes


class Missing(Strict, frozen=True, kw_only=True, tag=True):
    """The engine's library is not installed."""

    message: str


class Read(Strict, frozen=True, kw_only=True, tag=True):
    """Take the file apart without running it; shapes: of the inputs that it would be given."""

    format: Format
    entry: str
    shapes: Shapes


class Anatomy(Strict, frozen=True, kw_only=True, tag=True):
    """The fields are those of Profile."""

    size: int
    parameters: int
    ops: dict[str, int]
    layers: tuple[Layer, ...]


class Failed(Strict, frozen=True, kw_only=True, tag=True):
    """kind: the name of the exception's class; missing: the package that is not installed."""

    kind: str
    message: str
    missing: str | None = None


Request = Time | Read
Reply = Timed | Missing | Anatomy | Failed

decode_request = msgspec.json.Decoder(Request).decode
decode_reply = msgspec.json.Decoder(Reply).decode
