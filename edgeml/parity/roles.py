"""What an output, or a range of its channels, means."""

from typing import Literal, get_args

from edgeml.documents import Strict

Kind = Literal[
    "logits",
    "probabilities",
    "scores",
    "score-logits",
    "mask",
    "mask-logits",
    "boxes",
    "heatmap",
    "regression",
    "image",
    "signal",
    "state",
    "embedding",
    "integers",
    "unknown",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Corners = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
Source = Literal["user", "contract", "labels", "graph", "values", "nothing"]


class Role(Strict, frozen=True, kw_only=True):
    """What the channels of an output mean; several roles may share an output, each with a range.

    kind: logits and probabilities are of one class out of many; scores, and the masks of [samples,
        height, width] or more, each stand alone, as probabilities or as logits of them; heatmap
        has a peak for each channel; state is fed back as an input; unknown is judged like a
        regression whose error nobody knows, more strictly.
    axis: of the channels or classes; the first axis is the sample. Null: see `channel_axis`.
    start, stop: the channels that it is about; null stop for all the rest.
    threshold: above which a score or a mask counts as on, as a probability.
    error: the model's own mean absolute error, in the output's unit, where labels or people tell;
        of all of the role's channels, or one for each, null where it is not known.
    corners: how the four numbers of a box stand: two corners, or a corner or centre and a size.
    scores: the output that says how sure each box is; empty where all count alike.
    input: of a state, the input that it is given to at the next step.
    source: who said so.
    """

    kind: Kind = "unknown"
    axis: int | None = None
    start: int = 0
    stop: int | None = None
    threshold: float = 0.5
    error: float | tuple[float | None, ...] | None = None
    corners: Corners = "xyxy"
    scores: str = ""
    input: str = ""
    source: Source = "nothing"


def channel_axis(role: Role, shape: tuple[int, ...]) -> int | None:
    """The axis of the channels in an array of `shape`, the sample first; None where it has none.

    Where the role does not say: the only one after the sample, the last of two, of more the
    shortest (the first of equals). Raises ValueError for an axis that is the sample's or none.
    """
    if role.axis is not None:
        axis = role.axis + len(shape) if role.axis < 0 else role.axis
        if not 0 < axis < len(shape):
            axes = ", ".join(str(axis) for axis in range(1, len(shape))) or "none"
            raise ValueError(
                f"axis {role.axis}, but of shape {list(shape)}, the sample first, the axes are "
                f"{axes}"
            )
        return axis
    rest = range(1, len(shape))
    if len(rest) <= 2:
        return rest[-1] if rest else None
    return min(rest, key=lambda axis: shape[axis])


def channels(role: Role, shape: tuple[int, ...]) -> slice:
    """Of the role along its axis in an array of `shape`; the only one where there is no axis.

    Raises ValueError where not all of them are there.
    """
    axis = channel_axis(role, shape)
    most = 1 if axis is None else shape[axis]
    if role.start >= most or (role.stop is not None and role.stop > most):
        end = "" if role.stop is None else role.stop
        there = "there is one channel" if axis is None else f"axis {axis} has {most}"
        raise ValueError(f"channels={role.start}:{end}, but of shape {list(shape)} {there}")
    return slice(role.start, role.stop)
