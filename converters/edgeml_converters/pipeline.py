"""From a loaded model to the folder of its conversion."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from edgeml import atomic, documents, holdout
from edgeml.contract import as_taken
from edgeml.conversion import ConversionReport
from edgeml.manifest import Format, Precision
from edgeml_converters.asked import check_batch_axes, check_io, first_run
from edgeml_converters.evidence import metrics
from edgeml_converters.formats.npz import rows_of, save
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.options import Options
from edgeml_converters.outcome.contract import contract_from, with_integers
from edgeml_converters.outcome.folder import building
from edgeml_converters.outcome.place import BESIDE, REPORT, files_in
from edgeml_converters.outcome.provenance import provenance, tools
from edgeml_converters.outcome.shipped import shipped_holdout
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.reference import check_expected, check_reference
from edgeml_converters.parity.rolled import (
    BEGINS,
    Stream,
    at_own_states,
    only_begins,
    roll,
    with_states,
)
from edgeml_converters.parity.rule import Rule, check_allowed
from edgeml_converters.parity.sizes import Sized, at_other_sizes, sizes_of_outputs
from edgeml_converters.plugins import any_beside_routes
from edgeml_converters.progress import Progress
from edgeml_converters.report.page import page
from edgeml_converters.roles.given import Roles, check_names
from edgeml_converters.roles.labels import Tellings, told_by_labels
from edgeml_converters.roles.states import check_sequences, states_of, with_inputs
from edgeml_converters.roles.unused import unused_labels
from edgeml_converters.sources.data import Data, bind, casts
from edgeml_converters.sources.rows import Rows, split, spread
from edgeml_converters.sources.source import Source
from edgeml_converters.steps.beside import beside
from edgeml_converters.steps.messages import Loaded
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.steps.processes import Processes
from edgeml_converters.variants.as_it_is import precisions_of, taken_as_it_is
from edgeml_converters.variants.candidate import Candidate, variant_id
from edgeml_converters.variants.float import make_float
from edgeml_converters.variants.of_format import make_variants
from edgeml_converters.variants.settle import check_kept, settle_roles

T = TypeVar("T")


class Pipeline:
    """One conversion of one loaded model.

    calibration: data of its own for static int8; None takes rows of `data`. rule: with the roles
    that people gave. processes: those in which files are made and run.
    """

    def __init__(
        self,
        source: Source,
        data: Data,
        calibration: Data | None,
        model: ModelProcess,
        loaded: Loaded,
        processes: Processes,
        options: Options,
        rule: Rule,
        progress: Progress,
    ) -> None:
        self._source = source
        self._data = data
        self._calibration = calibration
        self._model = model
        self._loaded = loaded
        self._processes = processes
        self._options = options
        self._rule = rule
        self._progress = progress
        self._metric = metrics.parse(options.metric) if options.metric else None
        self._sized: tuple[Sized, ...] = ()

    def run(
        self, targets: Sequence[Format], precisions: Sequence[Precision], out: Path
    ) -> ConversionReport:
        """See edgeml_converters.convert.convert."""
        data, options = self._data, self._options
        loaded = self._loaded
        precisions = precisions_of(loaded.precision, precisions, self._source.label)
        check_io(options.asked.io, loaded.precision, self._source.label)
        inputs: Arrays = bind(data, loaded.inputs, loaded.floats)
        own = self._calibration
        apart: Arrays | None = None if own is None else bind(own, loaded.inputs, loaded.floats)
        file = self._processes.workspace / "inputs.npz"
        save(file, inputs)
        with self._progress(f"predict {data.samples} samples with {self._loaded.framework}"):
            with first_run(options.asked.batch_axes, list(inputs)):
                expected: Arrays = self._model.predict(file)
            again = check_reference(self._model, inputs, expected, self._processes.workspace)
            self._sized = at_other_sizes(self._model, options.asked.free, inputs, file.parent)
        given = self._rule.roles
        check_batch_axes(options.asked.batch_axes, list(inputs), list(expected))
        check_names(given, list(expected))
        check_allowed(self._rule.allowed, list(expected))
        if self._metric is not None:
            self._metric.score(data.labels, expected)  # before anything is made
        given = with_inputs(given, inputs, expected)
        states = states_of(given)
        check_sequences(data.sequences, states)
        begins, stream = only_begins(inputs, states), None
        if states:
            with self._progress(f"predict {data.samples} steps with {self._loaded.framework}"):
                stream = roll(self._model, data, states, file)
        told = told_by_labels(expected, data.labels)
        roles = settle_roles((), expected, given, told, self._file())
        # Engines round what is quantised in other places, each in its own way.
        exact = loaded.precision == "fp32"
        rule = replace(self._rule, roles=roles, exact=exact, exported=True, asked_again=again)
        check_expected(data, expected, rule)
        rolled = inputs if stream is None else with_states(inputs, stream)
        if stream is not None and begins:
            inputs, expected = rolled, stream.expected
        if own is not None and apart is not None:
            apart = at_own_states(self._model, own, apart, states, file.with_name("own.npz"))
        made = set(precisions) - {loaded.precision}
        rows = split(
            data,
            options.calibration_samples if "int8" in made and apart is None else 0,
            options.choice_samples if made else 0,
        )
        proof = self._question("proof", rows.proof, inputs, expected, rule, stream)
        choice = self._question("choice", rows.choice, inputs, expected, rule, stream)
        choice = replace(choice, shown=False)
        calibration = (
            {name: array[rows.calibration] for name, array in rolled.items()}
            if apart is None
            else _spread(apart, options.calibration_samples)
        )
        with building(out) as build:
            formats = list(dict.fromkeys(targets))
            bases = self._beside(
                [partial(self._float, target, self._apart(target, proof)) for target in formats]
            )
            check_kept(options.keep_float, bases)
            roles = settle_roles(bases, expected, given, told)
            lower = replace(self._rule, roles=roles, asked_again=again)
            lower.check_figures(expected)
            proof, choice = replace(proof, rule=lower), replace(choice, rule=lower)
            made_of = self._beside(
                [
                    partial(
                        make_variants,
                        base, precisions, self._apart(target, proof), self._apart(target, choice),
                        calibration, build, options, self._progress,
                    )
                    for target, base in zip(formats, bases, strict=True)
                ]
            )  # fmt: skip
            candidates = [candidate for made in made_of for candidate in made]
            report = ConversionReport(
                source=self._source.label,
                framework=self._loaded.framework,
                samples=len(rows.proof),
                choice_samples=len(rows.choice),
                calibration_samples=len(next(iter(calibration.values()))),
                roles=dict(roles),
                allowed=lower.allowed_by_text,
                compared_by="" if lower.own is None else lower.own.name,
                assumed=(
                    *loaded.assumed,
                    *taken_as_it_is(loaded.precision, self._source.label),
                    *casts(data, inputs, loaded.inputs),
                    *((BEGINS,) if begins else ()),
                    *self._unused_labels(expected, told, roles),
                ),
                variants=tuple(candidate.report for candidate in candidates),
                tools=tools(self._loaded.framework),
            )
            self._write(build, report, proof, candidates, (inputs, expected))
        return report

    def _unused_labels(self, expected: Arrays, told: Tellings, roles: Roles) -> tuple[str, ...]:
        """Nothing where a metric or slices use them."""
        data = self._data
        used = self._metric is not None or (data.slices or ("",))[0] == "labels"
        known = [name for name in told if any(role.source != "nothing" for role in roles[name])]
        return () if used else unused_labels(expected, data.labels, told, known)

    def _beside(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """One for each format at once, but for what people or other packages add to the command's
        own process."""
        added = self._metric is not None and self._metric.added
        apart = self._rule.own is None and not added and not any_beside_routes()
        return beside(jobs, self._end, apart=apart)

    def _end(self) -> None:
        self._processes.close()
        self._model.close()

    def _apart(self, target: Format, question: Question) -> Question:
        return replace(question, processes=self._processes.part(target))

    def _file(self) -> tuple[Format, Path] | None:
        """The source where it is a converted file already, whose graph shows roles at once."""
        kind, path = self._source.kind, self._source.path
        return (kind, path) if path is not None and kind in ("onnx", "tflite") else None

    def _float(self, target: Format, proof: Question) -> Candidate:
        precision = self._loaded.precision
        with self._progress(variant_id(target, precision)):
            return make_float(
                target,
                self._model,
                proof,
                self._progress,
                precision=precision,
                allow_frozen=self._options.allow_frozen,
            )

    def _question(
        self,
        name: str,
        rows: Rows,
        inputs: Arrays,
        expected: Arrays,
        rule: Rule,
        stream: Stream | None,
    ) -> Question:
        """The question about some rows of the data, whose inputs are saved for the engines."""
        data = self._data
        workspace = self._processes.workspace
        asked = {
            key: rows_of(array, rows, workspace / f"{name}-{place}.npy")
            for place, (key, array) in enumerate(inputs.items())
        }
        file = workspace / f"{name}.npz"
        save(file, asked)
        return Question(
            file,
            asked,
            {key: array[rows] for key, array in expected.items()},
            rule,
            self._processes,
            labels=None if data.labels is None else data.labels[rows],
            slice_by=None if data.slices is None else (data.slices[0], data.slices[1][rows]),
            metric=self._metric,
            sized=self._sized,
            stream=stream,
        )

    def _write(
        self,
        build: Path,
        report: ConversionReport,
        question: Question,
        candidates: Sequence[Candidate],
        arrays: tuple[Arrays, Arrays],
    ) -> None:
        """The documents beside the variants; arrays: all inputs and answers, for the contract."""
        inputs, expected = arrays
        free = {name: self._options.asked.free_axes(name) for name in inputs}
        free |= sizes_of_outputs(expected, self._sized)
        # Files of one conversion agree in it: --io makes one, and a file as it is is one.
        contract = with_integers(
            contract_from(inputs, expected, self._options.layout, report.roles, free),
            candidates[0].integers,
        )
        kept = shipped_holdout(
            (as_taken(contract.inputs, question.inputs), question.expected, question.labels),
            [(candidate.report, candidate.answers_by_engine) for candidate in candidates],
            {tensor.name: tensor.roles for tensor in contract.outputs},
            self._options.holdout_samples,
        )
        origin = provenance(self._source, self._data, self._calibration, self._loaded.framework)
        shown = page(report, contract, question, candidates, build, self._options, self._progress)
        report = structs.replace(report, files=(*files_in(build), *BESIDE))
        written = {
            "report.html": shown,
            REPORT: documents.encode_pretty(report).encode() + b"\n",
            "contract.json": documents.encode(contract),
            "holdout.npz": holdout.encode(kept),
            "provenance.json": documents.encode(origin),
        }
        for name, content in written.items():
            atomic.write(build / name, content)


def _spread(arrays: Arrays, limit: int) -> Arrays:
    """At most `limit` samples, evenly over all."""
    rows = spread(len(next(iter(arrays.values()))), limit)
    return {name: array[rows] for name, array in arrays.items()}
