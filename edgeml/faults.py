"""What can be silently wrong with a converted model: one name each, in reports, tests and docs."""

from enum import StrEnum
from typing import Literal

from edgeml.documents import Strict


class Fault(StrEnum):
    """The first group is seen in the file before it runs, the second when it runs."""

    PER_CHANNEL_DYNAMIC_FC = "per-channel-dynamic-fully-connected"
    OP_VERSION = "op-version"
    UNBOUND_VARIABLE = "unbound-variable"
    STATEFUL_OP = "stateful-op"
    FLEX_OP = "flex-op"
    CUSTOM_OP = "custom-op"
    FOREIGN_OP = "non-onnx-op"
    UNSUPPORTED_OPSET = "unsupported-opset"
    OVERSIZE = "oversize"
    LOW_COVERAGE = "low-quantisation-coverage"
    COMPUTED_IN_FLOAT = "computed-in-float"

    WRONG_VALUES = "wrong-values"
    UNDECIDED = "cannot-tell"
    NOT_FINITE = "not-finite"
    CONSTANT_OUTPUT = "constant-output"
    KEPT_STATE = "state-between-calls"
    BATCH_DEPENDENT = "batch-dependent"
    FROZEN_SIZE = "frozen-size"
    PERMUTED_OUTPUTS = "permuted-outputs"
    PERMUTED_LAYOUT = "permuted-layout"
    OPTIMISER_CRASH = "optimiser-crash"
    ENGINE_CRASH = "engine-crash"
    ENGINE_REFUSED = "engine-refused"
    OUTSIDE_CALIBRATION = "outside-calibration"
    NOT_TRACED = "not-traced"
    QUANTISER_RAISED = "quantiser-raised"
    NOT_KEPT = "not-kept"
    FROZEN_BRANCH = "frozen-branch"
    ADDED_CHECK = "added-check"


class Finding(Strict, frozen=True, kw_only=True):
    """One thing that was found in a variant.

    fault: its name.
    severity: an error keeps the variant from the engines named; a warning is for people.
    message: one sentence: what was found and what to do.
    where: the node, tensor or output; empty where it is the whole file.
    engines: the engines for which it holds; empty for all.
    """

    fault: Fault
    severity: Literal["error", "warning"]
    message: str
    where: str = ""
    engines: tuple[str, ...] = ()
