"""What the command and its worker processes say to each other: one JSON document a line.

Arrays travel beside it, as .npz files in a temporary folder.
"""

import msgspec

from edgeml.contract import Layout
from edgeml.documents import Strict
from edgeml.evidence import TensorFidelity
from edgeml.manifest import Format, Optimisation, Precision
from edgeml.profile import Layer
from edgeml_converters.asked import Asked, Io
from edgeml_converters.formats.tensors import Feedback, FileTensor, ModelInput, Ranges, Shape
from edgeml_converters.sources.source import Source


class Load(Strict, frozen=True, kw_only=True, tag=True):
    """Load the model, with its images in a layout; null: in its framework's own.

    samples: the .npz for the sample inputs that a callable returns beside its model. keys: the
    names of the inputs in the data; empty where there are none yet.
    """

    source: Source
    keys: tuple[str, ...] = ()
    asked: Asked = Asked()
    layout: Layout | None = None
    samples: str | None = None


class Loaded(Strict, frozen=True, kw_only=True, tag=True):
    """form: which routes apply; batch: the size that the model itself is frozen to.

    samples: whether sample inputs came with it. floats, assumed: as of a Model. precision: of a
    file that is converted already.
    """

    framework: str
    form: str
    inputs: tuple[ModelInput, ...]
    batch: int | None
    samples: bool = False
    floats: str | None = None
    assumed: tuple[str, ...] = ()
    precision: Precision = "fp32"


class Gather(Strict, frozen=True, kw_only=True, tag=True):
    """Write the samples that a callable yields to `folder`; see sources.gathered."""

    source: Source
    folder: str


class Predict(Strict, frozen=True, kw_only=True, tag=True):
    """The framework's own answers to the arrays in the file `inputs`, written to `into`.

    feedback: null where the samples do not follow one another.
    """

    inputs: str
    into: str
    feedback: Feedback | None = None


class Convert(Strict, frozen=True, kw_only=True, tag=True):
    """Take one route; the example inputs are in the file `inputs`, the files go to `folder`."""

    route: str
    inputs: str
    outputs: tuple[str, ...]
    folder: str


class Converted(Strict, frozen=True, kw_only=True, tag=True):
    """entry: the file in the folder that an engine opens.

    frozen: places in the model's source that branch on values, of which the route kept one way.
    """

    entry: str
    frozen: tuple[str, ...] = ()


class Quantise(Strict, frozen=True, kw_only=True, tag=True):
    """Make a file of lower precision out of a float one; see edgeml_converters.quantise.

    entry: the float file. calibration: an .npz of its inputs by its own names, for static int8.
    calibrator: for static int8. keep_float: what stays float: nodes or their outputs (ONNX),
    output tensors (TFLite). float_activations: for static int8, by the same names what takes and
    gives floats, with int8 weights. per_channel: one scale a channel of the weights, else one a
    tensor. nothing_is_fine: whether no weight need be of that precision. io: for static int8, what
    float inputs and outputs become.
    """

    format: Format
    precision: Precision
    entry: str
    folder: str
    calibration: str | None = None
    calibrator: str | None = None
    keep_float: tuple[str, ...] = ()
    float_activations: tuple[str, ...] = ()
    per_channel: bool = True
    nothing_is_fine: bool = False
    io: Io | None = None


class Quantised(Strict, frozen=True, kw_only=True, tag=True):
    """entry: the file in the folder; coverage: quantised share of weight bytes in per cent.

    ranges: of activations, by their tensors. inputs: those of inputs that the file rounds, by the
    names that engines have for them.
    """

    entry: str
    coverage: float
    ranges: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    inputs: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)


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


class Time(Strict, frozen=True, kw_only=True, tag=True):
    """Run a file on an engine for some seconds; ranges and shapes by the file's input names."""

    engine: str
    optimisation: Optimisation
    entry: str
    threads: int
    batch: int
    seconds: float
    ranges: Ranges
    shapes: dict[str, Shape]


class Timed(Strict, frozen=True, kw_only=True, tag=True):
    """shapes: of the inputs that it ran with; the other fields as in EngineProfile."""

    version: str
    runs: int
    p50_us: float
    p99_us: float
    peak_mib: float
    shapes: dict[str, Shape]


class TakeApart(Strict, frozen=True, kw_only=True, tag=True):
    """Read the operators of a file without running it; shapes: of the inputs it would be given."""

    format: Format
    entry: str
    shapes: dict[str, Shape]


class Anatomy(Strict, frozen=True, kw_only=True, tag=True):
    """The fields are those of Profile."""

    size: int
    parameters: int
    ops: dict[str, int]
    layers: tuple[Layer, ...]


class Open(Strict, frozen=True, kw_only=True, tag=True):
    """Open a converted model in one of the runtime's engines."""

    engine: str
    entry: str
    optimisation: Optimisation = "all"


class Opened(Strict, frozen=True, kw_only=True, tag=True):
    version: str
    inputs: tuple[FileTensor, ...]
    outputs: tuple[FileTensor, ...]


class Run(Strict, frozen=True, kw_only=True, tag=True):
    """Run the opened engine on `inputs`; names: array in the file -> tensor of the model.

    feedback: by the tensors of the model; null where the samples do not follow one another.
    together: whether many samples are one batch however large they are, since how they are answered
        together is the question; else as many as are quickly answered.
    """

    inputs: str
    names: dict[str, str]
    into: str
    feedback: Feedback | None = None
    together: bool = False


class Close(Strict, frozen=True, kw_only=True, tag=True):
    """Free the opened engine."""


class Done(Strict, frozen=True, kw_only=True, tag=True):
    pass


class Failed(Strict, frozen=True, kw_only=True, tag=True):
    """kind: the name of the exception's class; missing: the package that is not installed."""

    kind: str
    message: str
    missing: str | None = None


Request = (
    Load | Gather | Predict | Convert | Quantise | Trace | Time | TakeApart | Open | Run | Close
)
Reply = Loaded | Converted | Quantised | Traced | Timed | Anatomy | Opened | Done | Failed

decode_request = msgspec.json.Decoder(Request).decode
decode_reply = msgspec.json.Decoder(Reply).decode
encode = msgspec.json.Encoder().encode
