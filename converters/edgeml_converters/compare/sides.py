"""One side of a comparison: a model of any format on one thing that runs it."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from msgspec.structs import replace

from edgeml.errors import InputError
from edgeml.manifest import Optimisation
from edgeml_converters.asked import Asked
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Array, Arrays, Feedback, ModelInput, Names
from edgeml_converters.outcome.provenance import tools
from edgeml_converters.parity.pairing import pair_inputs
from edgeml_converters.roles.assume import assume_roles, read_roles_graph
from edgeml_converters.roles.given import Roles
from edgeml_converters.roles.labels import told_by_labels
from edgeml_converters.sources import model_files
from edgeml_converters.sources.model_files import ModelFile
from edgeml_converters.sources.source import Source, parse
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.steps.process import StepError, StepRefused
from edgeml_converters.steps.processes import Processes
from edgeml_runtime.engines import registry

_DISTRIBUTIONS = {"tensorflow": "tensorflow-cpu", "onnx": "onnxruntime", "tflite": "ai-edge-litert"}


class Side(ABC):
    """label: the model as it was named, without folders. runner: the engine or framework.

    runner, version and optimisation are known once it is open.
    """

    optimisation: Optimisation = "all"
    version: str = ""

    def __init__(self, label: str, runner: str) -> None:
        self.label = label
        self.runner = runner

    @property
    def place(self) -> str:
        """Where it runs, for people."""
        return f"on {self.runner}"

    @abstractmethod
    def open(self) -> tuple[ModelInput, ...] | None:
        """Its inputs, or None where the runner is not installed.

        Raises StepError when the runner refuses the model or crashes on it.
        """

    @abstractmethod
    def run(
        self, arrays: Arrays, names: Names, feedback: Feedback | None = None
    ) -> dict[str, Array]:
        """The outputs by the model's names; names: array -> the model's input; feedback: by the
        model's names."""

    def roles(self, answers: Arrays, given: Roles, labels: Array | None) -> Roles:
        """Of its outputs: as people say, then as labels and whatever else it has tell."""
        return assume_roles(answers, given, told_by_labels(answers, labels), None, {})

    @abstractmethod
    def close(self) -> None: ...


class EngineSide(Side):
    """A converted file on one of the runtime's engines."""

    def __init__(
        self, label: str, model: ModelFile, engine: str, workspace: Path, timeout_seconds: float
    ) -> None:
        super().__init__(label, engine)
        self._model = model
        self._processes = Processes(workspace, timeout_seconds)
        self._process = self._processes.engine(engine, model.entry)

    def open(self) -> tuple[ModelInput, ...] | None:
        """Opens it at the level that a package names, else at the highest that does not crash."""
        proven = self._model.optimisations.get(self.runner)
        levels = (proven,) if proven else registry.engine_class(self.runner).optimisations
        for level in levels:
            try:
                opened = self._process.open(level)
            except StepRefused as error:
                if error.engine_missing:
                    return None
                raise
            except StepError:
                if level == levels[-1]:
                    raise
                continue
            self.version, self.optimisation = opened.version, level
            theirs = {file: name for name, file in self._model.inputs.items()}
            return tuple(tensor.as_input(theirs.get(tensor.name)) for tensor in opened.inputs)
        raise AssertionError("an engine has at least one level")

    def run(
        self, arrays: Arrays, names: Names, feedback: Feedback | None = None
    ) -> dict[str, Array]:
        ours, outs = self._model.inputs, self._model.outputs
        if feedback is not None:
            states = feedback.states.items()
            of_file = {outs.get(given, given): ours.get(taken, taken) for given, taken in states}
            feedback = replace(feedback, states=of_file)
        outputs = self._process.run(
            arrays, {key: ours.get(name, name) for key, name in names.items()}, feedback
        )
        theirs = {file: name for name, file in outs.items()}
        return {theirs.get(file, file): array for file, array in outputs.items()}

    def roles(self, answers: Arrays, given: Roles, labels: Array | None) -> Roles:
        """A package's contract comes after people, and the file's graph after labels."""
        model = self._model
        outputs = () if model.contract is None else model.contract.outputs
        promised = {
            tensor.name: tuple(replace(role, source="contract") for role in tensor.roles)
            for tensor in outputs
            if tensor.roles
        }
        graph = read_roles_graph(model.format, model.entry)
        told = told_by_labels(answers, labels)
        return assume_roles(answers, promised | dict(given), told, graph, model.outputs)

    def close(self) -> None:
        self._processes.close()


@dataclass(frozen=True)
class Inside:
    """How the data's names and axes become those of a model in its framework.

    keys: the inputs' names in the data, by which what a model takes by keyword is told. asked: on
    which axis it has its samples.
    """

    keys: tuple[str, ...] = ()
    asked: Asked = field(default_factory=Asked)


class FrameworkSide(Side):
    """A source of `edgeml convert` in its own framework."""

    def __init__(
        self, source: Source, workspace: Path, timeout_seconds: float, names: Inside
    ) -> None:
        super().__init__(source.label, "")
        self._workspace = workspace
        self._process = ModelProcess(
            source, workspace, timeout_seconds, asked=names.asked, keys=names.keys
        )

    @property
    def place(self) -> str:
        return "in its framework"

    def open(self) -> tuple[ModelInput, ...]:
        loaded = self._process.load()
        self.runner = loaded.framework
        versions = tools(loaded.framework)
        distribution = _DISTRIBUTIONS.get(loaded.framework, loaded.framework)
        self.version = versions.get(distribution) or versions.get(loaded.framework, "")
        return loaded.inputs

    def run(
        self, arrays: Arrays, names: Names, feedback: Feedback | None = None
    ) -> dict[str, Array]:
        file = self._workspace / "inputs.npz"
        save(file, {name: arrays[key] for key, name in names.items()})
        return self._process.predict(file, feedback)

    def close(self) -> None:
        self._process.close()


def told_apart(a: str, b: str) -> tuple[str, str]:
    """How two models are called: by the last parts of their paths, as few as differ."""
    parts = Path(a).parts, Path(b).parts
    for count in range(1, max(map(len, parts)) + 1):
        first, second = (str(Path(*of[-count:])) for of in parts)
        if first != second:
            return first, second
    return Path(a).name, Path(b).name


def check_engines(engines: Sequence[str], ways: Sequence[Side]) -> None:
    """Raises InputError for an engine that runs none of the models."""
    run = {way.runner for way in ways if isinstance(way, EngineSide)}
    for engine in engines:
        if engine not in run:
            by = f"{', '.join(sorted(run))} would" if run else "only their frameworks do"
            raise InputError(
                f"--engine {engine} runs neither model, {by}; leave it out or name one that does."
            )


@contextmanager
def sides(
    text: str,
    shown: str,
    workspace: Path,
    timeout_seconds: float,
    engines: Sequence[str] = (),
    names: Inside | None = None,
) -> Generator[tuple[Side, ...]]:
    """Every way to run the model that `text` names, none of them open yet.

    text: an .onnx or .tflite; a package, or one of its variants as FILE.edgeml:VARIANT, else its
    first; or any SOURCE of `edgeml convert`. shown: how a file is called. engines: the only ones
    that may run a file, unless none of them runs its format. names: for models in their framework.
    Raises InputError for anything else, PackageError for a package that is not whole.
    """
    folder = Path(mkdtemp(dir=workspace))
    package, _, variant = text.partition(f"{model_files.PACKAGE}:")
    path = Path(package + model_files.PACKAGE) if variant else Path(text)
    with ExitStack() as stack:
        ways: list[Side] = []
        if path.suffix in (*model_files.SUFFIXES, model_files.PACKAGE):
            models = stack.enter_context(model_files.opened(path, (variant,) if variant else ()))
            named = variant or path.suffix != model_files.PACKAGE
            label = shown if named else f"{shown}:{models[0].name}"
            # litert first: where the two differ it is the one that is still mended.
            of_format = [
                engine
                for engine in sorted(registry.ENGINES, key=lambda name: name != "litert")
                if registry.engine_class(engine).format == models[0].format
            ]
            for engine in [engine for engine in of_format if engine in engines] or of_format:
                ways.append(EngineSide(label, models[0], engine, folder, timeout_seconds))
        else:
            source = parse(text, downloads=Path(mkdtemp(dir=folder)))
            ways.append(FrameworkSide(source, folder, timeout_seconds, names or Inside()))
        for side in ways:
            stack.callback(side.close)
        yield tuple(ways)


def input_names(data: Arrays, declared: Sequence[ModelInput], side: Side) -> list[Names]:
    """Array -> input, see pair_inputs; raises InputError when nothing fits."""
    candidates = pair_inputs(data, declared)
    if not candidates:
        raise InputError(
            f"{side.label} takes {_declared(declared)}, but the data holds {_given(data)}; give it "
            "arrays that fit, by these names."
        )
    return candidates


def _declared(declared: Sequence[ModelInput]) -> str:
    def shape(model_input: ModelInput) -> str:
        sizes = model_input.shape
        return "" if sizes is None else f" {['?' if s is None else s for s in sizes]}"

    parts = (f"{i.name!r} ({i.dtype or 'any type'}{shape(i)})" for i in declared)
    return ", ".join(parts).replace("'?'", "?") or "nothing"


def _given(data: Arrays) -> str:
    return ", ".join(f"{k!r} ({a.dtype.name} {list(a.shape)})" for k, a in data.items())
