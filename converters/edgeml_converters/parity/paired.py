"""One engine with a converted file, asked and answering by the contract's names."""

from collections.abc import Sequence

from edgeml.conversion import EngineParity
from edgeml.errors import ConversionError
from edgeml.evidence import Invariant
from edgeml.manifest import Optimisation
from edgeml_converters.formats.tensors import Array, Arrays, Feedback, FileTensor, Integers, Names
from edgeml_converters.parity.invariants import FEW_SAMPLES, SAMPLES, invariants
from edgeml_converters.parity.outcome import Parity
from edgeml_converters.parity.pairing import agree, listed, pair_inputs, pair_outputs
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.rolled import Stream
from edgeml_converters.parity.sizes import sizes_held
from edgeml_converters.steps.engine import EngineProcess
from edgeml_converters.steps.messages import Opened


class PairedEngine:
    """An engine process that takes and gives tensors by the contract's names.

    The first engine whose answers agree with the model's settles how the file's tensors are paired
    with the contract's, for the other levels and engines; until then each finds its own pairing.
    version: of the engine; empty until it has opened the file.
    """

    def __init__(self, engine: EngineProcess, question: Question, parity: Parity) -> None:
        self.name = engine.engine
        self.version = ""
        self._engine = engine
        self._question = question
        self._parity = parity
        self._inputs: Names = {}
        self._outputs: Names = {}

    def answers(self, level: Optimisation) -> dict[str, Array]:
        """Opens the file at a level of graph optimisation and runs all samples.

        Raises StepError when the engine fails, ConversionError when tensors cannot be paired.
        """
        opened = self._engine.open(level)
        self.version = opened.version
        parity, question = self._parity, self._question
        pairings = [parity.inputs] if parity.settled else _pairings(question.inputs, opened)
        inputs, answers = self._run_best(pairings)
        outputs = parity.outputs if parity.settled else pair_outputs(answers, question.expected)
        if not answers.keys() >= set(outputs.values()):
            raise ConversionError(
                f"{self.name} calls the outputs {', '.join(answers)} where another engine "
                f"calls them {', '.join(outputs.values())}"
            )
        if not parity.settled:
            parity.settled = agree(answers, question.expected, outputs)
            if parity.settled or not parity.outputs:
                parity.inputs, parity.outputs = inputs, outputs
                parity.integers = Integers(
                    _standing(opened.inputs, inputs), _standing(opened.outputs, outputs)
                )
        self._inputs, self._outputs = inputs, outputs
        return {name: answers[theirs] for name, theirs in outputs.items()}

    def _run_best(self, pairings: list[Names]) -> tuple[Names, dict[str, Array]]:
        """The first pairing of inputs whose answers agree with the model's, else the first one."""
        runs: list[tuple[Names, dict[str, Array]]] = []
        for names in pairings:
            runs.append((names, self._run(names)))
            if len(pairings) == 1 or self._agrees(runs[-1][1]):
                return runs[-1]
        return runs[0]

    def _run(self, names: Names) -> dict[str, Array]:
        question = self._question
        return self._engine.run_file(question.file, names, together=question.together)

    def _agrees(self, answers: Arrays) -> bool:
        expected = self._question.expected
        return agree(answers, expected, pair_outputs(answers, expected))

    def steps(self, level: Optimisation, stream: Stream) -> dict[str, Array]:
        """The answers at a level to one step after the other, its own states fed back.

        Raises StepError when the engine fails.
        """
        self._engine.open(level)
        states = {
            self._outputs[given]: self._inputs[taken]
            for given, taken in stream.feedback.states.items()
        }
        feedback = Feedback(states=states, starts=stream.feedback.starts)
        answers = self._engine.run_file(stream.file, self._inputs, feedback)
        return {name: answers[theirs] for name, theirs in self._outputs.items()}

    def invariants(
        self, row: EngineParity, answers: Arrays, batch: int | None
    ) -> tuple[Invariant, ...]:
        """The invariants at the level of `row`; raises StepError as the first call does.

        answers: the engine's, at that level. batch: the size that the file is frozen to, if it is.
        """
        self._engine.open(row.optimisation)
        names, outputs = self._inputs, self._outputs

        def run(arrays: Arrays) -> dict[str, Array]:
            by_file = self._engine.run(arrays, names)
            return {name: by_file[theirs] for name, theirs in outputs.items()}

        # Two answers that are both so far from the model are at most twice as far from each other,
        # and as much more as the model's own are.
        question = self._question
        limits = {
            output.name: 2 * ((output.max_abs or 0.0) + question.rule.varies_by(output.name))
            for output in row.outputs
        }
        samples = SAMPLES if question.shown else FEW_SAMPLES
        found = invariants(run, question.inputs, answers, question.expected, batch, limits, samples)
        return (*found, *sizes_held(run, question.sized, question.rule))


def _standing(tensors: Sequence[FileTensor], names: Names) -> dict[str, FileTensor]:
    """Those whose integers stand for floats; names: the contract's -> the file's."""
    known = {tensor.name: tensor for tensor in tensors}
    return {
        name: known[theirs]
        for name, theirs in names.items()
        if known[theirs].quantisation is not None
    }


def _pairings(inputs: Arrays, opened: Opened) -> list[Names]:
    """Pairings of the inputs to try; raises ConversionError where none fits."""
    pairings = pair_inputs(inputs, [tensor.as_input() for tensor in opened.inputs])
    names = [tensor.name for tensor in opened.inputs]
    if not pairings and set(inputs) == set(names):
        return [{name: name for name in inputs}]  # the engine says best what does not fit
    if not pairings:
        raise ConversionError(
            f"the converted file takes {listed(names)} where the model takes {listed(inputs)}"
        )
    return pairings
