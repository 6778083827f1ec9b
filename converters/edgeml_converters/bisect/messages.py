"""What the command asks of a worker to compare two files tensor by tensor."""

from edgeml.documents import Strict
from edgeml.evidence import TensorFidelity
from edgeml.manifest import Format


class Trace(Strict, frozen=True, kw_only=True, tag=True):
    """Compare the tensors inside two files; see edgeml_converters.bisect.trace.

    suspect, reference: the files that an engine opens; the reference is the float one.
    inputs: an .npz of arrays by the files' own names.
    sources: a JSON file, tensor or node -> where in the model it comes from.
    engine: which of the format's engines; empty for the first that can show its tensors.
    """

    format: Format
    suspect: str
    reference: str
    inputs: str
    sources: str | None = None
    engine: str = ""


class Traced(Strict, frozen=True, kw_only=True, tag=True):
    """tensors: in order of execution."""

    tensors: tuple[TensorFidelity, ...]
