"""Comparisons of outputs that other packages add to edgeml's own figures."""

from collections.abc import Callable
from dataclasses import dataclass

from edgeml.faults import Fault, Finding
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.plugins import asking, plugins


@dataclass(frozen=True)
class Comparison:
    """difference: how a variant's output differs, in one sentence; None where it says the same.

    It gets the output's name by the contract, what the variant answered and what the model did;
    first axis the sample.
    """

    difference: Callable[[str, Array, Array], str | None]


def differences(answers: Arrays, expected: Arrays, engine: str) -> tuple[Finding, ...]:
    """A finding for each comparison and output that differs; raises ConversionError for one that
    fails."""
    found: list[Finding] = []
    for name, comparison in plugins("comparisons", Comparison).items():
        for output, wanted in expected.items():
            with asking("comparisons", name):
                message = comparison.difference(output, answers[output], wanted)
            if message is not None:
                found.append(
                    Finding(
                        fault=Fault.ADDED_CHECK,
                        severity="error",
                        message=f"{engine}: {message}",
                        where=output,
                        engines=(engine,),
                    )
                )
    return tuple(found)
