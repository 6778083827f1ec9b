"""Parity in depth: what stands behind a verdict. How the figures are made is in converters."""

from typing import Literal

from edgeml.documents import Strict


class Interval(Strict, frozen=True, kw_only=True):
    """A figure with its 95 % confidence interval.

    value: the figure itself.
    low, high: the ends of the interval.
    """

    value: float
    low: float
    high: float


class Flip(Strict, frozen=True, kw_only=True):
    """A sample whose arg max changed.

    sample: its row in the data that parity was shown on.
    expected, found: the classes, by the model and by the variant.
    expected_margin: how far the model's class was ahead of the second, in the output's unit.
    found_margin: the same of the variant.
    label: the true class where it is known.
    """

    sample: int
    expected: int
    found: int
    expected_margin: float
    found_margin: float
    label: int | None = None


class OutputEvidence(Strict, frozen=True, kw_only=True):
    """One output of one variant on one engine, beside parity.OutputParity.

    name: of the output, by the contract.
    p99_abs: the 99th percentile of the absolute difference.
    relative_to_range: the largest absolute difference / (highest - lowest expected).
    mean_abs: the mean absolute difference.
    top1: agreement of the arg max over the last axis; null for one column.
    top5: share of samples whose expected class is among the variant's first five; null below six.
    flips: how many samples changed their arg max.
    worst_flips: the flips with the largest margins, at most 16.
    saturation: share of values at the ends of the range of an int8 output; null elsewhere.
    calibration_shift: expected calibration error of the variant minus that of the model, by the
        labels; null without labels or classes.
    """

    name: str
    p99_abs: float
    relative_to_range: float
    mean_abs: float
    top1: Interval | None = None
    top5: Interval | None = None
    flips: int = 0
    worst_flips: tuple[Flip, ...] = ()
    saturation: float | None = None
    calibration_shift: float | None = None


class Slice(Strict, frozen=True, kw_only=True):
    """The samples that share one value of the key that --slice-by names.

    key, value: which samples.
    samples: how many.
    snr_db: signal to noise over them, the worst output; null where exact.
    top1: agreement of the arg max, the worst output; null where no output has classes.
    task: the task metric of the variant; null without one.
    """

    key: str
    value: str
    samples: int
    snr_db: float | None
    top1: float | None
    task: float | None = None


class Invariant(Strict, frozen=True, kw_only=True):
    """Something that must hold of a model whatever its values.

    name: repeat (the same call again), shuffle (other order of calls), batch (one sample against
        many), resize (another batch size and back), sizes (other sizes of free axes), finite,
        constant (answers that never change).
    passed: whether it held.
    figure: the largest absolute difference that was seen; null where there is none to see.
    message: what was seen, in words; where it held, only a difference that is more than rounding.
    """

    name: Literal["repeat", "shuffle", "batch", "resize", "sizes", "finite", "constant"]
    passed: bool
    figure: float | None = None
    message: str = ""


class Task(Strict, frozen=True, kw_only=True):
    """The task's own metric, by the labels.

    metric: accuracy, f1, auc, mae, or module:callable.
    output: whose answers it is of; empty for a callable, which has all of them.
    model: of the framework's answers.
    variant: of the variant's.
    delta: variant minus model, paired.
    """

    metric: str
    output: str = ""
    model: Interval
    variant: Interval
    delta: Interval


class Evidence(Strict, frozen=True, kw_only=True):
    """All that was found out about one variant on one engine.

    outputs: each output's figures.
    invariants: what must hold of any model.
    slices: the worst first.
    task: the task metric; null without labels.
    """

    outputs: tuple[OutputEvidence, ...]
    invariants: tuple[Invariant, ...] = ()
    slices: tuple[Slice, ...] = ()
    task: Task | None = None


class TensorFidelity(Strict, frozen=True, kw_only=True):
    """One tensor inside a variant against the same tensor of its reference, in order of execution.

    name: in the variant's file.
    op: what made it.
    source: the PyTorch module or Keras layer that it comes from; empty where that is not known.
    snr_db: signal to noise; null where exact.
    own_snr_db: of what its operator adds by itself, against what that of the reference makes of the
        variant's own inputs; null where exact, and where that could not be had.
    """

    name: str
    op: str
    source: str
    snr_db: float | None
    own_snr_db: float | None = None
