"""What a framework's model is to the converters."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from edgeml.errors import InputError
from edgeml.manifest import Precision
from edgeml_converters.asked import WITH_BATCH_AXES, Asked
from edgeml_converters.formats.tensors import Array, Arrays, Feedback, ModelInput
from edgeml_converters.frameworks.keras_words import reason
from edgeml_converters.frameworks.nested import field_names, flatten

CHUNK_SAMPLES = 64  # at once, so that memory stays bounded for any number of samples


class Model(ABC):
    """A loaded model in evaluation mode.

    form: which kind of object it is, by which routes are chosen.
    batch: the batch size that it is frozen to, 1 or None.
    asked: what people ask of its files, for the routes.
    samples: inputs by name that came with the model, first axis the sample; None without.
    floats: the dtype of its weights, which floats must be given in where no input declares its own;
        None where it has none. assumed: what was done to it on loading, a sentence each.
    precision: of a model that is quantised already.
    """

    framework: ClassVar[str]
    form: str
    inputs: tuple[ModelInput, ...]
    batch: int | None
    asked: Asked = Asked()
    samples: Arrays | None = None
    floats: str | None = None
    assumed: tuple[str, ...] = ()
    precision: Precision = "fp32"

    @abstractmethod
    def _predict(self, arrays: Arrays) -> dict[str, Array]:
        """Outputs by name for one batch."""

    def _or_axis(self, arrays: Arrays) -> str:
        """The way out for states and what is time first, where nobody has taken it."""
        several = [name for name, array in arrays.items() if array.ndim > 2]
        taken = self.asked.batch_axes or self.framework not in WITH_BATCH_AXES
        if taken or len(arrays) < 2 or not several:
            return ""
        return f", or where the sample is not the first axis, say --batch-axis {several[-1]}=1"

    def predict(self, arrays: Arrays, feedback: Feedback | None = None) -> dict[str, Array]:
        """Outputs by name for inputs by name, first axis the sample, in batches; with feedback one
        after the other.

        Raises InputError when the model refuses the data or an output has no sample axis.
        """
        try:
            outputs = (
                in_chunks(self._answered, arrays, self.batch or CHUNK_SAMPLES)
                if feedback is None
                else in_steps(self._answered, arrays, feedback)
            )
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"The model refused the data: {reason(error)}; check the dtypes and shapes in the "
                f"data file{self._or_axis(arrays)}."
            ) from error
        if feedback is not None:
            check_states(outputs, feedback)
        for name, array in outputs.items():
            if not array.size:
                raise InputError(
                    f"The output {name!r} holds no values, shape {list(array.shape)}; let the "
                    "model return only outputs that hold some."
                )
            if array.dtype.kind == "f" and np.isnan(array).any():
                when = "" if feedback is None else ", with its states fed back,"
                raise InputError(
                    f"The model itself{when} answers NaN in {name!r} for this data; mend the model "
                    "or the data."
                )
        return outputs

    def _answered(self, arrays: Arrays) -> dict[str, Array]:
        outputs = self._predict(arrays)
        for name, array in outputs.items():
            held = getattr(array, "dtype", None)
            if held is None or held.kind not in "fiub":
                raise InputError(f"The output {name!r} holds {_not_numbers(array)}.")
            if not array.ndim and len(next(iter(arrays.values()))) > 1:
                raise InputError(
                    f"The output {name!r} is one number for all samples; the first axis of every "
                    "output must be the sample: leave it out of what the model returns."
                )
            rows, samples = len(np.atleast_1d(array)), len(next(iter(arrays.values())))
            if rows != samples:
                raise InputError(
                    f"The output {name!r} has {rows} rows for {samples} samples; the first axis of "
                    f"every output must be the sample{_elsewhere(name, array.shape, samples)}."
                )
        return outputs


def _elsewhere(name: str, shape: tuple[int, ...], samples: int) -> str:
    """Where the samples may be, in words."""
    axis = shape.index(samples) if samples > 1 and samples in shape else None
    return "" if axis is None else f", or where it is axis {axis}, say --batch-axis {name}={axis}"


def _not_numbers(values: object) -> str:
    """What an output is, and what to do about it."""
    step = "leave it out of what the model returns"
    if not isinstance(values, np.ndarray):
        kind = type(values).__name__
        return f"a {kind} and no numbers; {step}, as by zipmap=False of a scikit-learn exporter"
    if values.dtype.kind in "OSU":
        return f"text and no numbers; {step}, and look the words up by its numbers behind it"
    return f"{values.dtype} and no numbers; {step}"


def in_chunks(
    run: Callable[[dict[str, Array]], Mapping[str, Array]],
    arrays: Arrays,
    chunk: int = CHUNK_SAMPLES,
) -> dict[str, Array]:
    """`run` on consecutive pieces of `arrays`, the answers put together again."""
    samples = len(next(iter(arrays.values())))
    rows = [
        run({name: _rows(array, slice(start, start + chunk)) for name, array in arrays.items()})
        for start in range(0, samples, chunk)
    ]
    return _joined(rows)


def _joined(rows: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([np.atleast_1d(row[name]) for row in rows]) for name in rows[0]}


def _rows(array: Array, rows: slice) -> Array:
    """Read where they are mapped, and at an address that is a multiple of their size."""
    return np.require(array[rows], requirements=["C", "A"])


def in_steps(
    run: Callable[[dict[str, Array]], Mapping[str, Array]], arrays: Arrays, feedback: Feedback
) -> dict[str, Array]:
    """`run` on one sample after the other, each with the states that the last one gave; those in
    `arrays` count at the beginning of a sequence alone."""
    rows: list[Mapping[str, Array]] = []
    starts = frozenset(feedback.starts)
    for step in range(len(next(iter(arrays.values())))):
        feeds = {name: _rows(array, slice(step, step + 1)) for name, array in arrays.items()}
        if step not in starts:
            feeds |= {
                taken: np.asarray(rows[-1][given]).reshape(feeds[taken].shape)
                for given, taken in feedback.states.items()
            }
        rows.append(run(feeds))
    return _joined(rows)


def check_states(outputs: Arrays, feedback: Feedback) -> None:
    """Raises InputError where a state of the model itself becomes infinity or NaN altogether, by
    which nothing can be told of a file."""
    for name in feedback.states:
        state = outputs[name].reshape(len(outputs[name]), -1)
        lost = np.flatnonzero(~np.isfinite(state).any(axis=1))
        if len(lost):
            raise InputError(
                f"The state {name!r} of the model itself is no number any more at step {lost[0]}; "
                "mend the model, or give shorter sequences by --sequence-by."
            )


def name_outputs(answer: object, names: Sequence[str] = ()) -> dict[str, Any]:
    """The tensors of a model's answer by name; None inside of it is left out.

    The names are a dict's keys or the fields of a named tuple or data class, or `names` where the
    framework has them, or else `output`, or `output_0`, `output_1` and so on; of what is inside of
    another the path to it, as `states.0`. Raises InputError for what is no tensor.
    """
    if isinstance(answer, Mapping) or field_names(answer) is not None:
        outputs = flatten(answer)
    else:
        values: list[Any] = list(answer) if isinstance(answer, list | tuple) else [answer]
        if len(names) != len(values) or len(set(names)) != len(values):
            names = ["output"] if len(values) == 1 else [f"output_{i}" for i in range(len(values))]
        outputs = flatten(dict(zip(names, values, strict=True)))
    for name, value in outputs.items():
        if not hasattr(value, "shape"):
            raise InputError(
                f"The model's output {name!r} is a {type(value).__name__} and no tensor; return "
                "tensors, or tuples or dicts of tensors."
            )
    if not outputs:
        raise InputError("The model answers nothing; return a tensor.")
    return outputs
