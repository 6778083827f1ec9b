"""State that a .tflite file keeps between calls, and variables without a value."""

from collections.abc import Iterator

from edgeml.faults import Fault, Finding
from edgeml_converters.formats.tflite_read import Op, TfliteFile
from edgeml_converters.lint.counted import counted

_RANDOM = {"RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "MULTINOMIAL"}


def unbound_variables(file: TfliteFile) -> Iterator[Finding]:
    """READ_VARIABLE of a variable that nothing in the file assigns: it answers NaN.

    Variables are told apart by the name in their VAR_HANDLE. One whose handle comes from outside
    its subgraph counts as assigned when any variable is.
    """
    assigned: set[str] = set()
    for subgraph in file.subgraphs:
        names = _handles(subgraph)
        for op in subgraph:
            if op.kind == "ASSIGN_VARIABLE":
                assigned.add(_variable(op, names))
    for subgraph in file.subgraphs:
        names = _handles(subgraph)
        for op in subgraph:
            name = _variable(op, names) if op.kind == "READ_VARIABLE" else ""
            if op.kind == "READ_VARIABLE" and not (name in assigned or (not name and assigned)):
                yield Finding(
                    fault=Fault.UNBOUND_VARIABLE,
                    severity="error",
                    message=f"The variable {name or op.place!r} is read, but nothing in the file "
                    "gives it a value; convert from a SavedModel whose root holds the variables.",
                    where=op.place,
                )


def _handles(subgraph: tuple[Op, ...]) -> dict[int, str]:
    """The variable's name by the tensor that holds its handle."""
    names: dict[int, str] = {}
    for op in subgraph:
        if op.kind == "VAR_HANDLE":
            shared = op.options.sharedName if op.options is not None else None
            name = shared.decode(errors="replace") if isinstance(shared, bytes) else shared
            names[op.outputs[0].index] = name or op.outputs[0].name
    return names


def _variable(op: Op, names: dict[int, str]) -> str:
    handle = op.inputs[0]
    return "" if handle is None else names.get(handle.index, "")


def kept_state(file: TfliteFile) -> Iterator[Finding]:
    """Variables assigned while the model runs, tensors that an engine keeps, random numbers."""
    # What CALL_ONCE calls runs before the first call only: that is how variables get their values.
    once = {
        op.options.initSubgraphIndex
        for op in file.ops
        if op.kind == "CALL_ONCE" and op.options is not None
    }
    running = [op for i, subgraph in enumerate(file.subgraphs) if i not in once for op in subgraph]
    for kind, place, times in counted((op.name, op.place) for op in running if _remembers(op)):
        random = kind in _RANDOM
        yield Finding(
            fault=Fault.STATEFUL_OP,
            severity="warning",
            message=f"{kind} gives other values in each call{times}; take it out of inference."
            if random
            else f"{kind} keeps state between calls{times}; make the state an input and an output "
            "of the model, or load it anew for each sequence.",
            where=place,
        )


def _remembers(op: Op) -> bool:
    return (
        op.kind == "ASSIGN_VARIABLE"
        or op.kind in _RANDOM
        or any(tensor is not None and tensor.variable for tensor in op.inputs)
    )
