"""Every limit of the verdict with the reason for it.

The figures were measured on 43 tasks with 5,800 quantised or damaged variants, each judged by its
task's own metric on labels ("good", "bad"). Most of them are a distance from variant to model that
the task's own figure cannot exceed, whatever the labels are.
"""

from math import inf
from typing import Literal, NamedTuple

Name = Literal[
    "margin lost",
    "flips",
    "margin lost of a class",
    "flips of a class",
    "noise of a class",
    "probability of the top 5 lost",
    "IoU lost",
    "expected IoU lost",
    "expected IoU lost of a class",
    "noise of the probability",
    "expected F1 lost",
    "expected F1 lost of a score",
    "switched",
    "quiet",
    "IoU of the boxes lost",
    "boxes moved",
    "peaks moved",
    "peak margin lost",
    "shift of the peak",
    "noise of the peak",
    "noise",
    "noise of the vectors",
    "noise of a state",
    "unequal",
    "unequal of a value",
    "unequal of a slice",
    "noise of an unknown output",
    "rounding",
    "noise at the best gain",
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
    "IoU lost": Limit(
        0.06,
        0.1,
        "1 - IoU with the model's own, whatever its probabilities say; good to 0.08 where they are "
        "near 0.5",
    ),
    "expected IoU lost": Limit(
        0.008,
        0.06,
        "IoU with the truth as the model's probabilities expect it, of which a task allows 0.01; "
        "bad from 0.0097; good to 0.0083, and to 0.059 by models surer than right, as of a Dice "
        "loss",
    ),
    "expected IoU lost of a class": Limit(
        0.02, 0.1, "as of all, for one class, of which a task allows 2 to 4 points"
    ),
    "noise of the probability": Limit(
        0.04,
        0.15,
        "in shares of its spread; good to 0.16, but for 3 of 400; bad from 0.021, and from 0.050 "
        "where the F1 that is expected is kept",
    ),
    "expected F1 lost": Limit(
        0.008,
        0.015,
        "F1 with the truth as the model's probabilities expect it, the mean over scores, of which "
        "a task allows 0.01; bad from 0.0083; good to 0.006, and to 0.02 by nets surer than right",
    ),
    "expected F1 lost of a score": Limit(
        0.02, 0.03, "as of all, for one score, of which a task allows 0.03; good to 0.031"
    ),
    "switched": Limit(
        0.1,
        0.1,
        "of those above the threshold, in model or variant, whatever the model's probabilities "
        "say; good to 0.083",
    ),
    "quiet": Limit(0.001, 0.001, "30 dB in a score switch too few to matter"),
    "IoU of the boxes lost": Limit(
        0.05,
        0.125,
        "1 - IoU with the model's box where it is sure; bad from 0.04; good to 0.05, and to 0.103 "
        "by a detector whose own boxes are far off; half of what an overlap of 0.75 leaves is too "
        "much",
    ),
    "boxes moved": Limit(
        0.03,
        0.06,
        "share of boxes with an IoU below 0.75 with the model's own, each of which may be a hit "
        "less at that overlap, of which a task allows 0.03, or half a hit where half are hits; a "
        "mean hides them",
    ),
    "peaks moved": Limit(
        0.06, 0.1, "share of peaks moved by over 1.5 cells; good to 0.1 between two that are equal"
    ),
    "peak margin lost": Limit(
        0.01,
        0.03,
        "of what the model's peaks are ahead of the next ones, as the margin of classes; beyond as "
        "the share of points that a task allows to lose",
    ),
    "shift of the peak": Limit(
        0.15, 0.15, "mean shift in x and y in cells, of peaks that stay near; half a cell was bad"
    ),
    "noise of the peak": Limit(
        0.005,
        0.1,
        "of its value, in shares of its height; bad from 0.0065 where points are taken above half "
        "of the peak, good to 0.082 where few are near that",
    ),
    "noise": Limit(
        1.6e-4,
        0.01,
        "in shares of the spread of a column; 38 dB suits models whose own error is 0.6 % of it, "
        "and 20 dB no model that is right",
    ),
    "noise of the vectors": Limit(
        0.004,
        0.15,
        "of unit vectors; bad from 0.0056, good to 0.13, by how far apart what must be told apart "
        "is; beyond only where a turn of all vectors at once is no harm",
    ),
    "noise of a state": Limit(
        0.3,
        0.6,
        "the mean of all its values, each in its own spread and at most 1, where it is fed back "
        "and other outputs show over 400 steps or more what comes of it; bad from 0.002, and good "
        "to 0.28, with a few up to 0.51, so that it is a floor and no more",
    ),
    "unequal": Limit(
        0.03,
        0.03,
        "share of unequal values in a sample; as flips, not measured; 99 samples tell it",
    ),
    "unequal of a value": Limit(
        0.03, 0.03, "as flips of a class: of the places where the model gives it; not measured"
    ),
    "unequal of a slice": Limit(
        0.9,
        0.9,
        "of what is not its most frequent value: all is lost of a dead row or column; at the rim "
        "of a map of classes a half may be with no harm",
    ),
    "noise of an unknown output": Limit(
        1.6e-4, 0.02, "38 dB suits every role but boxes far from the origin, and 17 dB none"
    ),
    "rounding": Limit(
        1e-8,
        1e-8,
        "float32 against float32: right files have 103 to 141 dB, and of 1,014 faults none was "
        "above 100 dB and six above 80",
    ),
    "noise at the best gain": Limit(
        0.5,
        0.5,
        "where gain and offset of each channel are chosen best, so that a dead one has 0 dB; good "
        "to 5.4 dB, but for vectors, of which one column is nothing; no role passes below",
    ),
}

CLEARLY = 0.1
"""A channel varies clearly if it does by so much of the spread of all channels, in one unit; int8
has 40 dB of that."""
CLEARLY_CHANCES = 0.01
"""The same of values from 0 to 1: 2.5 steps of int8."""

GROWTH = 0.01
"""By how much of a column's spread the model's own error may grow."""

SPREADS_OF_ONE_ERROR = 10
"""How far the spreads of channels may be apart that share one error: a usual error, a tenth of the
widest's spread, is all that the narrowest varies by, and lets it have noise of 16 dB."""


def noise_limit(error: float | None) -> Limit:
    """The limit of "noise" for a model whose own error is `error`, in spreads of the column.

    Independent errors add in squares, so that the error grows from e to e + t at noise t (t + 2 e);
    0.6 of that where they are not independent: a pure offset adds up to twice as much.
    """
    if error is None:
        return LIMITS["noise"]
    allowed = GROWTH * (GROWTH + 2 * error)
    return Limit(0.6 * allowed, allowed, f"the model's own error of {error:.3g} spreads")


IOU_SURELY = Limit(
    0.01,
    0.01,
    "1 - IoU is a distance: by the triangle inequality the IoU with the truth loses no more",
)
IOU_SURELY_CLASS = IOU_SURELY._replace(same=0.03, differs=0.03)
"""Of one class, of which a task allows 2 to 4 points."""

OTHER_AXES = Limit(
    LIMITS["noise of an unknown output"].same,
    inf,
    "as of an unknown output, along an axis that may be of positions: a quiet one among loud ones, "
    "as the rim of a map, is lost in int8 with no harm, just as a dead channel is with much",
)
"""Of an unknown output of three axes or more, along all but that of `channel_axis`."""
OTHER_AXES_OF_NUMBERS = Limit(
    0.1,
    inf,
    "a dead one has 0 dB; the rim of the pictures of a good autoencoder in int8 had 14.5 dB, since "
    "a quiet position among loud ones is no channel",
)
"""Of numbers whose axis nobody named, along all but that of `channel_axis`: a dead one is seen."""
ROUNDING_OTHER_AXES = Limit(
    1e-4,
    1e-4,
    "float32 against float32, along an axis that may be of positions: a quiet one has the rounding "
    "of the loud ones; the quietest fault that hurt a task had 31 dB",
)
CHANNELS_MOST = 10_000
"""A longer axis has steps or anchors, unless it is that of `channel_axis`, as of vocabularies."""

ROUNDING_ROOM = 100
"""How often its answers' own rounding a file in float32 may have as noise, since it adds up over
layers; right files are at most 11 dB from the model's own rounding."""

OWN_VARIATION_MOST = 1e-4
"""Up to so much noise a file in float32 may have where the model's own answers vary by more than
rounding usually does, as from one size of batch to another; 100 times its own variation."""

UNEQUAL_FP32: dict[Name, Limit] = {
    "unequal": Limit(0.001, 0.001, "at float32 only what is within rounding of a step may differ"),
    "unequal of a value": Limit(0.1, 0.1, "at float32, where two of twenty may be tied"),
}
"""Of integers in a file in float32."""
VALUES_MOST = 256
"""Of integers so many values, the most frequent ones, are judged each by itself."""

SAMPLES_LEAST = 64
SAMPLES_LEAST_FP32 = 8
"""At float32 the noise is the same for every sample."""
EVENTS_LEAST = 20
EVENTS_LEAST_DENSE = 8
STEPS_LEAST = 400
"""Below so many steps other outputs do not tell what comes of a state, unless it is as near as a
number must be whose error nobody knows: of 983 bad ones 4 % were the same to them in 200 steps, and
0.1 % in 400."""
CLASSES_EACH = 20
"""Up to so many classes each must be judged, of more only those that come up often enough."""
CLASSES_TOP5 = 100
PEAK_CELLS = 1.5
BOX_KEPT = 0.75
"""From this overlap with the model's own box on a box has not moved."""
