"""The processes of one conversion in which files are made, opened and run."""

from pathlib import Path

from edgeml_converters.steps.engine import EngineProcess
from edgeml_converters.steps.restarting import Shared


class Processes:
    """One process for each engine and one for the tools, kept from the first file to the last.

    workspace: a folder for arrays and logs. timeout_seconds: for each step. memory_bytes: what each
    process may allocate; None for no limit.
    """

    def __init__(
        self, workspace: Path, timeout_seconds: float, memory_bytes: int | None = None
    ) -> None:
        self.workspace = workspace
        self.tools = Shared(workspace / "tools.log", timeout_seconds, memory_bytes)
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._engines: dict[str, Shared] = {}
        self._parts: dict[str, Processes] = {}

    def engine(self, name: str, entry: Path) -> EngineProcess:
        """The process of that engine, for one file; only one file can be open at a time."""
        if name not in self._engines:
            log = self.workspace / f"{name}.log"
            self._engines[name] = Shared(log, self._timeout_seconds, self._memory_bytes)
        return EngineProcess(name, entry, self._engines[name], self.workspace)

    def part(self, name: str) -> "Processes":
        """Processes and a folder apart, for what runs beside others; closed with these."""
        if name not in self._parts:
            folder = self.workspace / name
            folder.mkdir()
            self._parts[name] = Processes(folder, self._timeout_seconds, self._memory_bytes)
        return self._parts[name]

    def close(self) -> None:
        for process in (self.tools, *self._engines.values()):
            process.close()
        for part in self._parts.values():
            part.close()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
