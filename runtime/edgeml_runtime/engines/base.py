"""What every inference engine is to edgeml: one small class."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgeml.errors import ContractError, EdgemlError, EngineError, first_line
from edgeml.integers import are_integers, as_taken
from edgeml.manifest import Optimisation
from edgeml.quantisation import Quantisation

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class TensorSpec:
    """A tensor as the engine's own file declares it; -1 in `shape` is a free size.

    quantisation: what its integers stand for, where the engine tells.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    quantisation: Quantisation | None = None


@dataclass(frozen=True)
class Signature:
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class Engine(ABC):
    """A loaded model. The public `run` guards; an engine only implements `_run`.

    Thread-safe: an engine whose `_run` is not says so by `concurrent = False` and gets a lock.

    path: the file to open.
    inputs, outputs: name for callers -> name in the file; None keeps the file's names.
    dtypes: output -> dtype for callers, where integers of the file are of another width; the first
        axis of an output that it names is the sample, even where the file drops it.
    threads: intra-op threads.
    optimisation: of the graph, one of `optimisations`; a file that `prepare` made has it done.
    Raises EngineError when the engine is missing or refuses the file.
    """

    name: ClassVar[str]
    format: ClassVar[str]
    concurrent: ClassVar[bool] = True
    optimisations: ClassVar[tuple[Optimisation, ...]] = ("all", "disabled")

    def __init__(
        self,
        path: Path,
        *,
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
        dtypes: Mapping[str, str] | None = None,
        threads: int = 1,
        optimisation: Optimisation = "all",
    ) -> None:
        if not path.is_file():
            raise EngineError(f"The model file {path} is missing; fetch or convert it again.")
        try:
            self._load(path, threads, optimisation)
            found = self._signature()
        except EdgemlError:
            raise
        except Exception as error:
            raise self.refusal(path, error) from error
        self._inputs = dict(inputs) if inputs else {s.name: s.name for s in found.inputs}
        self._outputs = dict(outputs) if outputs else {s.name: s.name for s in found.outputs}
        self._dtypes = dict(dtypes or {})
        self.signature = self._renamed(found)
        self._lock = threading.Lock()

    def run(self, tensors: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Outputs by name for inputs by name; every array is the caller's to keep.

        A file frozen to batch 1 is run once a sample and the answers are stacked. Integers are
        taken in any width that holds them.
        Raises ContractError for a tensor that the file does not take, EngineError when it fails.
        """
        feeds: dict[str, npt.NDArray[Any]] = {}
        for spec in self.signature.inputs:
            value = tensors.get(spec.name)
            if value is None:
                raise ContractError(f"The input {spec.name!r} is missing; send it.")
            value = as_taken(spec.name, value, spec.dtype)
            known = value.dtype.name == spec.dtype and value.dtype.isnative
            if not known or value.ndim != len(spec.shape):
                raise ContractError(
                    f"The input {spec.name!r} must be {spec.dtype} of rank "
                    f"{len(spec.shape)}, but is {value.dtype.name} of rank {value.ndim}; cast or "
                    "reshape it."
                )
            feeds[self._inputs[spec.name]] = value
        batches = self._batches(feeds)
        if self.concurrent:
            found = self._run_batches(feeds, batches)
        else:
            with self._lock:
                found = self._run_batches(feeds, batches)
        return {
            spec.name: self._given(spec, found[self._outputs[spec.name]])
            for spec in self.signature.outputs
        }

    @classmethod
    def prepare(cls, entry: Path, into: Path, optimisation: Optimisation = "all") -> Path:
        """Makes the form of `entry` that loads best on this device, in the folder `into`.

        Returns the file to load; here the file itself. For the staging process: it may use much
        memory and time, and its result is never shipped. Raises EngineError.
        """
        return entry

    @classmethod
    def refusal(cls, path: Path, error: Exception) -> EngineError:
        """The engine's own complaint about a file, in one line and without the file's folder."""
        said = _first(error).rstrip(".").replace(str(path), path.name)
        return EngineError(
            f"{cls.name} {cls.version()} refused {path.name}: {said}; "
            "convert the model again or choose another variant."
        )

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """The version of the installed library; raises EngineError when there is none."""

    @abstractmethod
    def _load(self, path: Path, threads: int, optimisation: Optimisation) -> None: ...

    @abstractmethod
    def _signature(self) -> Signature:
        """Inputs and outputs with the names in the file."""

    @abstractmethod
    def _run(self, feeds: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]: ...

    def _batches(self, feeds: dict[str, npt.NDArray[Any]]) -> int:
        """How many single samples a frozen batch of 1 makes of this request; 0: run it as it is."""
        sizes = {len(v) for v in feeds.values() if v.ndim}
        firsts = {s.shape[:1] for s in self.signature.inputs}
        frozen = (1,) in firsts and firsts <= {(1,), (-1,)}  # others may be free
        return sizes.pop() if frozen and len(sizes) == 1 and sizes != {1} else 0

    def _run_batches(
        self, feeds: dict[str, npt.NDArray[Any]], batches: int
    ) -> dict[str, npt.NDArray[Any]]:
        try:
            if not batches:
                return self._run(feeds)
            rows = [self._run({k: v[i : i + 1] for k, v in feeds.items()}) for i in range(batches)]
            return {
                name: np.concatenate([np.atleast_1d(row[name]) for row in rows]) for name in rows[0]
            }
        except EdgemlError:
            raise
        except Exception as error:
            raise EngineError(f"{self.name} failed while predicting: {_first(error)}") from error

    def _given(self, spec: TensorSpec, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if spec.name not in self._dtypes:
            return value
        rows: npt.NDArray[Any] = np.atleast_1d(value)
        return rows.astype(spec.dtype, copy=False)

    def _for_callers(self, spec: TensorSpec) -> TensorSpec:
        dtype = self._dtypes.get(spec.name)
        if dtype is None:
            return spec
        known = dtype if are_integers(spec.dtype, dtype) else spec.dtype
        return replace(spec, dtype=known, shape=spec.shape or (1,))

    def _renamed(self, found: Signature) -> Signature:
        def rename(
            specs: tuple[TensorSpec, ...], names: Mapping[str, str]
        ) -> tuple[TensorSpec, ...]:
            by_name = {s.name: s for s in specs}
            missing = [n for n in names.values() if n not in by_name]
            if missing or len(names) != len(specs):
                raise EngineError(
                    f"The manifest names {sorted(names.values())} where the file has "
                    f"{sorted(by_name)}; package the model again."
                )
            return tuple(replace(by_name[theirs], name=name) for name, theirs in names.items())

        return Signature(
            rename(found.inputs, self._inputs),
            tuple(self._for_callers(spec) for spec in rename(found.outputs, self._outputs)),
        )


def _first(error: Exception) -> str:
    return first_line(str(error)) or type(error).__name__
