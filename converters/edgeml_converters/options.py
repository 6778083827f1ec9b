"""What a conversion is told besides its source, targets, data and folder."""

from dataclasses import dataclass, field
from pathlib import Path

from edgeml.contract import Layout
from edgeml_converters.asked import Asked


@dataclass(frozen=True, kw_only=True)
class Options:
    """Defaults are those of the command.

    timeout_seconds, memory_bytes: for each step's process; None for no limit on memory.
    holdout_samples: at most so many, of those that parity is shown on.
    calibration_samples, choice_samples: at most so many rows of the data for the ranges of static
        int8, and for the choice of calibrators and repairs; the rest proves.
    calibration_data: an .npz of inputs for the ranges of static int8, in place of rows of the data.
    outputs: what outputs mean, as in NAME=ROLE,axis=1; see roles.given.
    tolerances: limits in place of the rule's, NAME:FIGURE=VALUE; see parity.rule.
    compare: module:callable that decides in place of edgeml's figures; see parity.own.
    asked: the opset and the sizes of the files.
    layout: where the channels of images stand in the contract; None leaves the model's own.
    weights: a state dict for a callable that builds the model without them.
    slice_by: a key of the data file by whose values the samples are looked at apart.
    sequence_by: a key of the data file: samples of one value follow one another, where states are
        fed back.
    metric: accuracy, f1, auc, mae or module:callable.
    allow_frozen: whether a trace may keep one way of a branch on values.
    repair: whether to try to mend what does not agree.
    calibrator: the only one that static int8 is tried with; None tries all.
    keep_float: patterns of what no lower precision shall touch; see bisect.kept.
    per_tensor: one scale for each tensor of weights, where others have one for each channel.
    profile: whether report.html shows latency and memory on this machine, which takes a second or
        two for each variant; None: where there is more than one.
    """

    timeout_seconds: float = 600.0
    memory_bytes: int | None = None
    holdout_samples: int = 64
    calibration_samples: int = 256
    choice_samples: int = 1024
    calibration_data: Path | None = None
    outputs: tuple[str, ...] = ()
    tolerances: tuple[str, ...] = ()
    compare: str | None = None
    asked: Asked = field(default_factory=Asked)
    layout: Layout | None = None
    weights: Path | None = None
    slice_by: str | None = None
    sequence_by: str | None = None
    metric: str | None = None
    allow_frozen: bool = False
    repair: bool = True
    calibrator: str | None = None
    keep_float: tuple[str, ...] = ()
    per_tensor: bool = False
    profile: bool | None = None
