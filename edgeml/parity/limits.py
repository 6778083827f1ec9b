"""Every limit of the verdict with the reason for it.

The figures were measured on 43 tasks with 5,800 quantised or damaged variants, each judged by its
task's own metric on labels ("good", "bad"). Most of them are a distance from variant to model that
the task's own figure cannot exceed, whatever the labels are.
"""

from typing import Literal, NamedTuple

Name = Literal[
    "margin lost",
    "flips",
    "margin lost of a class",
    "flips of a class",
    "noise of a class",
    "probability of the top 5 lost",
    "IoU lost",
    "noise of the probability",
    "switched",
    "quiet",
    "IoU of the boxes lost",
    "peaks moved",
    "shift of the peak",
    "noise",
    "noise of the vectors",
    "unequal",
    "noise of an unknown output",
    "rounding",
]


class Limit(NamedTuple):
    """same: up to this a figure counts as the same. differs: beyond this as different; between the
    two nobody can tell from the answers alone. why: where the two come from."""

    same: float
    differs: float
    why: str


LIMITS: dict[Name, Limit] = {
    "margin lost": Limit(
        0.01, 0.01, "of the model's margins, weighted by them; good to 0.005, bad from 0.0095"
    ),
    "flips": Limit(0.03, 0.03, "share of other classes; good to 0.025"),
    "margin lost of a class": Limit(
        0.02, 0.02, "twice that of all classes, since a task allows 2 to 4 points for one class"
    ),
    "flips of a class": Limit(0.03, 0.03, "as of all classes"),
    "noise of a class": Limit(0.001, 0.001, "30 dB in its logit moves no class of any task"),
    "probability of the top 5 lost": Limit(0.005, 0.005, "the one bad of 100 classes had 0.005"),
    "IoU lost": Limit(0.03, 0.03, "1 - IoU with the model's own; masks bad from 0.044, dense 0.06"),
    "noise of the probability": Limit(0.02, 0.02, "in shares of its spread; bad from 0.013 on"),
    "switched": Limit(
        0.03, 0.03, "of those above the threshold, in model or variant; bad from 0.032"
    ),
    "quiet": Limit(0.001, 0.001, "30 dB in a score switch too few to matter"),
    "IoU of the boxes lost": Limit(
        0.05, 0.05, "1 - IoU with the model's box where it is sure; good to 0.0495, bad from 0.068"
    ),
    "peaks moved": Limit(0.01, 0.01, "share of peaks moved by over 1.5 cells"),
    "shift of the peak": Limit(0.15, 0.15, "mean shift in x and y in cells; half a cell was bad"),
    "noise": Limit(
        1.6e-4,
        0.01,
        "in shares of the spread of a column; 38 dB suits models whose own error is 0.6 % of it, "
        "and 20 dB no model that is right",
    ),
    "noise of the vectors": Limit(0.004, 0.004, "of unit vectors; bad from 0.0056"),
    "unequal": Limit(0.01, 0.01, "share of unequal values in a sample; as flips, not measured"),
    "noise of an unknown output": Limit(
        1.6e-4, 0.02, "38 dB suits every role but boxes far from the origin, and 17 dB none"
    ),
    "rounding": Limit(
        1e-8,
        1e-8,
        "float32 against float32: right files have 103 to 141 dB, and of 1,014 faults none was "
        "above 100 dB and six above 80",
    ),
}

GROWTH = 0.01
"""By how much of a column's spread the model's own error may grow."""


def noise_limit(error: float | None) -> Limit:
    """The limit of "noise" for a model whose own error is `error`, in spreads of the column.

    Independent errors add in squares, so that the error grows from e to e + t at noise t (t + 2 e);
    0.6 of that where they are not independent: a pure offset adds up to twice as much.
    """
    if error is None:
        return LIMITS["noise"]
    allowed = GROWTH * (GROWTH + 2 * error)
    return Limit(0.6 * allowed, allowed, f"the model's own error of {error:.3g} spreads")


SAMPLES_LEAST = 64
SAMPLES_LEAST_FP32 = 8
"""At float32 the noise is the same for every sample."""
EVENTS_LEAST = 20
EVENTS_LEAST_DENSE = 8
CLASSES_EACH = 20
"""Up to so many classes each must be judged, of more only those that come up often enough."""
CLASSES_TOP5 = 100
PEAK_CELLS = 1.5
