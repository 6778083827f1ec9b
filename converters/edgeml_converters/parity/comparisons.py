"""Comparisons of outputs that other packages add to edgeml's own figures."""

from collections.abc import Callable
from dataclasses import dataclass

from edgeml.faults import Fault, Finding
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.plugins import asking, check_sentence, plugins


@dataclass(frozen=True)
class Comparison:
    """difference: says in one sentence how a variant's output differs, or None where it does not.

    Its arguments: the output's name by the contract, what the variant answered, what the model
    answered; first axis the sample.
    """

    difference: Callable[[str, Array, Array], str | None]


def differences(answers: Arrays, expected: Arrays, engine: str) -> tuple[Finding, ...]:
    """One finding for each comparison and output that differs.

    Raises ConversionError when a comparison itself fails.
    """
    findings: list[Finding] = []
    for name, comparison in plugins("comparisons", Comparison).items():
        for output, model_answer in expected.items():
            arrays = read_only(answers[output]), read_only(model_answer)
            with asking("comparisons", name):
                message = comparison.difference(output, *arrays)
                if message is not None:
                    check_sentence(message)
            if message is not None:
                findings.append(
                    Finding(
                        fault=Fault.ADDED_CHECK,
                        severity="error",
                        message=f"{engine}: {message}",
                        where=output,
                        engines=(engine,),
                    )
                )
    return tuple(findings)


def read_only(array: Array) -> Array:
    """The same numbers, which go on to other figures and to the holdout."""
    view = array.view()
    view.flags.writeable = False
    return view
