"""`compare_models`: two models of any formats on one and the same data."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml.conversion import EngineParity
from edgeml.documents import SCHEMA, Strict
from edgeml.errors import ConversionError, InputError, ParityError
from edgeml.parity.answers import Answer, OutputParity, worst
from edgeml.parity.roles import Role
from edgeml_converters.asked import Asked, check_batch_axes, first_run, parse_batch_axes
from edgeml_converters.compare.reference import Reference, not_run, open_reference
from edgeml_converters.compare.sides import (
    FrameworkSide,
    Inside,
    Side,
    check_engines,
    input_names,
    sides,
    told_apart,
)
from edgeml_converters.evidence.evidence import evidence
from edgeml_converters.formats.tensors import Array, Arrays, Feedback, Names
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.pairing import agree, listed, pair_outputs
from edgeml_converters.parity.rule import Rule, check_allowed, parse_allowed
from edgeml_converters.parity.streams import judge_steps
from edgeml_converters.progress import Progress, silent
from edgeml_converters.roles.given import check_names, parse_roles
from edgeml_converters.roles.states import check_sequences, states_of, with_inputs
from edgeml_converters.sources.data import Data, read
from edgeml_converters.steps.process import StepError
from edgeml_runtime.engines import registry


class Comparison(Strict, frozen=True, kw_only=True):
    """`edgeml compare --json`: does B say the same as A?

    a, b: the models as they were named, files without the folders that both are in; of a package
        with the variant.
    samples: how many they were run on.
    exact: whether nothing but the rounding of float32 may differ.
    roles: of A's outputs, as they were judged; each says who said so.
    allowed: the limits that --tolerance set in place of the rule's, by `output:figure`.
    engine, version: what ran A: an engine of edgeml, or the framework.
    inputs, outputs: A's name of each tensor -> B's.
    engines: B on each engine for its format that is installed, or in its framework; outputs by A's
        names.
    answer: same where at least one of them ran B, and all that ran it agree with A.
    """

    a: str
    b: str
    samples: int
    exact: bool
    roles: dict[str, tuple[Role, ...]]
    allowed: dict[str, float]
    engine: str
    version: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    engines: tuple[EngineParity, ...]
    answer: Answer
    schema: int = SCHEMA

    def fault(self) -> str | None:
        """What is not the same of B, in words; None where all is."""
        for row in self.engines:
            for _, output in row.judged:
                if not output.passed:
                    return f"{row.engine}: {output.reason}"
        return None


def compare_models(
    a: str,
    b: str,
    data_file: Path,
    *,
    exact: bool = False,
    outputs: Sequence[str] = (),
    tolerances: Sequence[str] = (),
    engines: Sequence[str] = (),
    slice_by: str | None = None,
    sequence_by: str | None = None,
    batch_axes: Sequence[str] = (),
    timeout_seconds: float = 600.0,
    progress: Progress = silent,
) -> Comparison:
    """Runs A on the first engine that takes it, B on every one, and compares all outputs.

    exact: nothing but the rounding of float32 may differ; otherwise what differs by more is judged
    by the roles of A's outputs. a, b, engines: see sides.sides. data_file, slice_by, sequence_by,
    outputs, tolerances, batch_axes: as `edgeml convert` takes them; the last is for models in their
    framework, since a file has the sample first.
    timeout_seconds: for each step. Inputs and outputs are paired by name where their values agree,
    else by value. Raises InputError for models or data that cannot be used, EngineError when no
    engine for a format is installed, ParityError when the numbers of outputs differ.
    """
    unknown = [engine for engine in engines if engine not in registry.ENGINES]
    if unknown:
        raise InputError(
            f"There is no engine {unknown[0]!r}; use one of {', '.join(registry.ENGINES)}."
        )
    data = read(data_file, slice_by, sequence_by)
    given, allowed = parse_roles(outputs), parse_allowed(tolerances)
    with TemporaryDirectory(prefix="edgeml-compare-") as temporary, ExitStack() as stack:
        workspace = Path(temporary)
        names = Inside(tuple(data.inputs), Asked(batch_axes=parse_batch_axes(batch_axes)))
        left, right = (
            stack.enter_context(sides(one, shown, workspace, timeout_seconds, engines, names))
            for one, shown in zip((a, b), told_apart(a, b), strict=True)
        )
        check_engines(engines, (*left, *right))
        frameworks = [isinstance(ways[0], FrameworkSide) for ways in (left, right)]
        if batch_axes and not any(frameworks):
            raise InputError(
                "--batch-axis is for models in their framework, but these are files, which are "
                "run as they are; leave it out."
            )
        with first_run(names.asked.batch_axes, list(data.inputs)):
            reference = open_reference(left, data, progress)
            answers = reference.answers(0)
        if frameworks == [True, False]:  # of names that only B has nothing is known yet
            check_batch_axes(names.asked.batch_axes, list(reference.given(0)), list(answers))
        check_names(given, list(answers))
        check_allowed(allowed, list(answers))
        roles = reference.side.roles(answers, given, data.labels)
        roles = with_inputs(roles, reference.given(0), answers)
        check_sequences(data.sequences, states_of(roles))
        rule = Rule(roles, exact, allowed)
        replace(rule, exact=False).check_figures(answers)
        rows = _ComparedRows(reference, data, rule)
        for side in right:
            with progress(f"run {side.label} {side.place}"):
                rows.add(side)
    return rows.result(right[0].label)


class _ComparedRows:
    """B's rows of the comparison, one for each side; the first that runs B settles the pairings."""

    def __init__(self, reference: Reference, data: Data, rule: Rule) -> None:
        self._reference = reference
        self._data = data
        self._rule = rule
        self._rows: list[EngineParity] = []
        self._pairing: tuple[int, Names] | None = None
        self._outputs: Names = {}

    def add(self, side: Side) -> None:
        try:
            inputs = side.open()
            if inputs is None:
                return
            if self._pairing is None:
                index, names, outputs = self._pair_inputs(
                    side, input_names(self._data.inputs, inputs, side)
                )
            else:
                index, names = self._pairing
                outputs = side.run(self._data.inputs, names)
        except StepError as error:
            self._rows.append(
                EngineParity(
                    engine=side.runner, version=side.version, outputs=(), answer="differs",
                    error=error.reason, optimisation=side.optimisation,
                )
            )  # fmt: skip
            return
        self._pairing = index, names
        self._rows.append(self._row(side, outputs, self._reference.answers(index)))

    def _pair_inputs(
        self, side: Side, candidates: list[Names]
    ) -> tuple[int, Names, dict[str, Array]]:
        """The first pairings of A's and B's inputs under which both agree, else the first.

        Returns the index of A's pairing, B's pairing and B's outputs by its own names.
        """
        ours = self._reference.candidates
        if len(ours) > 1 and len(candidates) > 1:
            raise InputError(
                f"Which array of the data is which input of {self._reference.side.label} and "
                f"{side.label} cannot be told; name the arrays after the inputs of one of them."
            )
        first: tuple[int, Names, dict[str, Array]] | None = None
        for names in candidates:
            outputs = side.run(self._data.inputs, names)
            for index in range(len(ours)):
                first = first or (index, names, outputs)
                if len(ours) == len(candidates) == 1 or self._agree(side, outputs, index):
                    return index, names, outputs
        assert first is not None
        return first

    def _agree(self, side: Side, outputs: Arrays, index: int) -> bool:
        expected = self._reference.answers(index)
        return agree(outputs, expected, self._pair_outputs(side, outputs, expected))

    def _pair_outputs(self, side: Side, outputs: Arrays, expected: Arrays) -> Names:
        ours = self._reference.side.label
        if len(outputs) != len(expected):
            raise ParityError(
                f"{ours} gives {listed(expected)}, but {side.label} gives {listed(outputs)}; "
                "compare models with the same outputs."
            )
        try:
            return pair_outputs(outputs, expected)
        except ConversionError as error:
            raise InputError(
                f"The outputs of {ours} and {side.label} have other names and cannot be told apart "
                "by this data; give more varied data."
            ) from error

    def _row(self, side: Side, outputs: Arrays, expected: Arrays) -> EngineParity:
        if not self._outputs or not outputs.keys() >= set(self._outputs.values()):
            self._outputs = self._pair_outputs(side, outputs, expected)
        answers = {name: outputs[theirs] for name, theirs in self._outputs.items()}
        fed_back = self._fed_back(side)
        rows = judge(answers, expected, replace(self._rule, exact=True))
        if not self._rule.exact and any(not row.passed for row in rows):
            rows = judge(answers, expected, self._rule)
        return EngineParity(
            engine=side.runner,
            version=side.version,
            outputs=rows,
            answer=worst(row.answer for row in (*rows, *fed_back)),
            optimisation=side.optimisation,
            fed_back=fed_back,
            evidence=evidence(
                answers,
                expected,
                self._data.labels,
                self._data.slices,
                class_axes=self._rule.class_axes(expected),
            ),
        )

    def _fed_back(self, side: Side) -> tuple[OutputParity, ...]:
        states = states_of(self._rule.roles)
        if not states or self._pairing is None:
            return ()
        index, names = self._pairing
        theirs = {ours: names[key] for key, ours in self._reference.candidates[index].items()}
        feedback = Feedback(
            states={self._outputs[given]: theirs[taken] for given, taken in states.items()},
            starts=self._data.starts,
        )
        outputs = side.run(self._data.inputs, names, feedback)
        answers = {name: outputs[their] for name, their in self._outputs.items()}
        expected = self._reference.steps(index, states)
        return judge_steps(answers, expected, feedback.starts, self._rule)

    def result(self, label: str) -> Comparison:
        ran = [row for row in self._rows if row.error is None]
        if self._pairing is None or not ran:
            errors = [f"{row.engine}: {row.error}" for row in self._rows]
            raise not_run(label, errors)
        index, names = self._pairing
        return Comparison(
            a=self._reference.side.label,
            b=label,
            samples=self._data.samples,
            exact=self._rule.exact,
            roles=dict(self._rule.roles),
            allowed=self._rule.allowed_by_text,
            engine=self._reference.side.runner,
            version=self._reference.side.version,
            inputs={ours: names[key] for key, ours in self._reference.candidates[index].items()},
            outputs=self._outputs,
            engines=tuple(self._rows),
            answer=worst(row.answer for row in ran),
        )
