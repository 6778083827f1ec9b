"""A disk whose power may fail: what a program does to a folder, and all that a crash may leave.

    with Recorder(folder) as recorder:
        ...                                # the program, in this process
    for state in recorder.states():        # of all its crashes
        state.write(elsewhere)

The rules are POSIX's and not those of one file system. What a file holds is safe once the file has
been synced, what a folder lists once the folder has; between two syncs any of the changes may have
reached the disk and any others not, and a file that was being written may be torn. Only removals,
of which many wait since nobody syncs them, are not combined in all ways: as many as were made up to
any moment, and each alone done or alone undone.
"""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Self
from unittest import mock

ROOT = Path(__file__).parents[2]
Files = dict[str, bytes | None]
"""By their paths; None is a folder."""


@dataclass(eq=False)
class Node:
    """A file or a folder, whatever its name is at the moment."""

    folder: bool


@dataclass(frozen=True)
class Listed:
    """A folder lists `node` under `name`, or nothing any more; a rename is one change."""

    where: Node
    name: str
    node: Node | None
    moved_from: tuple[Node, str] | None = None

    def places(self) -> set[Node]:
        return {self.where, *(self.moved_from[:1] if self.moved_from else ())}


@dataclass(frozen=True)
class Written:
    node: Node
    data: bytes

    def places(self) -> set[Node]:
        return {self.node}


@dataclass(frozen=True)
class Synced:
    """site: the line that asked for it."""

    node: Node
    site: str


@dataclass(frozen=True)
class Mark:
    """What a crash may leave from here on."""

    allowed: tuple[object, ...]


Change = Listed | Written


@dataclass(frozen=True)
class State:
    """What a crash left. allowed: as it was last promised; at: after how many steps."""

    files: Files
    allowed: tuple[object, ...]
    at: int

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for path, data in sorted(self.files.items()):
            if data is None:
                (folder / path).mkdir(exist_ok=True)
            else:
                (folder / path).write_bytes(data)


class Recorder:
    """Listens to what this process does inside `folder` by functions of `os`; what native code and
    open files write is found there before the next such call."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._top = folder.resolve()
        self._root = Node(folder=True)
        self._tree: dict[str, tuple[Node, bytes | None]] = {}
        self._within = ExitStack()
        self.steps: list[Change | Synced | Mark] = []

    def __enter__(self) -> Self:
        for name, listen in (
            ("rename", self._renamed),
            ("replace", self._renamed),
            ("fsync", self._synced),
            *((name, self._changed) for name in ("mkdir", "unlink", "remove", "rmdir")),
        ):
            self._within.enter_context(mock.patch.object(os, name, listen(getattr(os, name))))
        return self

    def __exit__(self, *_: object) -> None:
        self._look()
        self._within.close()

    def promise(self, *allowed: object) -> None:
        """From here on a crash may leave these, whatever they mean; nothing before."""
        self._look()
        self.steps.append(Mark(allowed))

    def sites(self) -> list[str]:
        return sorted({step.site for step in self.steps if isinstance(step, Synced)})

    # What is recorded

    def _changed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._look()
            try:
                return function(*arguments, **named)
            finally:
                self._look()

        return call

    def _renamed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(source: Any, target: Any) -> None:
            self._look()
            function(source, target)
            old, new = self._path(source), self._path(target)
            if old is None and new is None:
                return
            assert old is not None and new is not None, "a rename across the recorded folder's edge"
            node, _ = self._tree[old]
            where, was = self._parent(new), self._parent(old)
            for path in [p for p in self._tree if p == new or p.startswith(f"{new}/")]:
                del self._tree[path]
            for path in [p for p in self._tree if p == old or p.startswith(f"{old}/")]:
                self._tree[new + path[len(old) :]] = self._tree.pop(path)
            names = Path(new).name, Path(old).name
            self.steps.append(Listed(where, names[0], node, (was, names[1])))

        return call

    def _synced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(descriptor: int) -> None:
            self._look()
            function(descriptor)
            path = self._path(os.readlink(f"/proc/self/fd/{descriptor}"))
            if path is not None:
                node = self._root if path == "." else self._tree[path][0]
                self.steps.append(Synced(node, _site()))

        return call

    def _path(self, path: Any) -> str | None:
        whole = os.path.abspath(os.fspath(path))
        return os.path.relpath(whole, self._top) if whole.startswith(str(self._top)) else None

    def _parent(self, path: str) -> Node:
        parent = os.path.dirname(path)
        return self._tree[parent][0] if parent else self._root

    def _look(self) -> None:
        """Finds what has changed since the last look."""
        found = _read(self._top)
        for path in sorted(self._tree.keys() - found.keys(), reverse=True):
            self.steps.append(Listed(self._parent(path), Path(path).name, None))
            del self._tree[path]
        for path, data in sorted(found.items()):
            if path not in self._tree:
                node = Node(folder=data is None)
                self.steps.append(Listed(self._parent(path), Path(path).name, node))
                self._tree[path] = node, None if data is None else b""
            node, before = self._tree[path]
            if data is not None and data != before:
                self.steps.append(Written(node, data))
                self._tree[path] = node, data

    # What a crash leaves

    def states(self, without: str = "") -> Iterator[State]:
        """Each once, the last crash first and of each what lost most; without: the site of syncs
        that are left out."""
        steps = [s for s in self.steps if not (isinstance(s, Synced) and s.site == without)]
        allowed: tuple[object, ...] = ()
        crashes: list[tuple[int, tuple[object, ...]]] = []
        for at, step in enumerate([*steps, Mark(())]):
            if isinstance(step, Mark | Synced):  # before what is promised counts, or is safe
                crashes.append((at, allowed))
            if isinstance(step, Mark):
                allowed = step.allowed
        seen: set[tuple[object, ...]] = set()
        for at, allowed in reversed(crashes):
            for files in self._left_by(steps[:at]):
                key = (allowed, *sorted(files.items()))
                if key not in seen:
                    seen.add(key)
                    yield State(files, allowed, at)

    def _left_by(self, steps: Sequence[Change | Synced | Mark]) -> Iterator[Files]:
        """All that a crash after these steps may leave."""
        last_sync = {s.node: at for at, s in enumerate(steps) if isinstance(s, Synced)}
        changes = [(at, s) for at, s in enumerate(steps) if isinstance(s, Listed | Written)]
        removals: list[int] = []
        choices: list[Sequence[float]] = []
        for place, (at, change) in enumerate(changes):
            if all(last_sync.get(node, -1) > at for node in change.places()):
                choices.append((1.0,))
            elif isinstance(change, Written):
                choices.append((0.0, 0.5, 1.0))
            elif change.node is not None:
                choices.append((0.0, 1.0))
            else:
                removals.append(place)
                choices.append((1.0,))
        for chosen in map(list, product(*choices)):
            for done in _some(len(removals)):
                for place, share in zip(removals, done, strict=True):
                    chosen[place] = share
                yield _replayed(self._root, [c for _, c in changes], chosen)


def _some(count: int) -> set[tuple[float, ...]]:
    """Ways in which removals reached the disk."""
    made = [(1.0,) * n + (0.0,) * (count - n) for n in range(count + 1)]
    alone = [tuple(float(n == one) for n in range(count)) for one in range(count)]
    return {*made, *alone, *(tuple(1.0 - share for share in way) for way in alone)}


def _replayed(root: Node, changes: Sequence[Change], shares: Sequence[float]) -> Files:
    listed: dict[Node, dict[str, Node]] = {}
    data: dict[Node, bytes] = {}
    for change, share in zip(changes, shares, strict=True):
        if share == 0:
            continue
        if isinstance(change, Written):
            data[change.node] = change.data[: int(len(change.data) * share)]
            continue
        if change.moved_from is not None:
            where, name = change.moved_from
            if listed.get(where, {}).get(name) is change.node:
                del listed[where][name]
        names = listed.setdefault(change.where, {})
        if change.node is None:
            names.pop(change.name, None)
        else:
            names[change.name] = change.node
    return dict(_walk(root, "", listed, data))


def _walk(
    folder: Node, prefix: str, listed: Mapping[Node, Mapping[str, Node]], data: Mapping[Node, bytes]
) -> Iterator[tuple[str, bytes | None]]:
    for name, node in listed.get(folder, {}).items():
        path = f"{prefix}{name}"
        yield path, None if node.folder else data.get(node, b"")
        if node.folder:
            yield from _walk(node, f"{path}/", listed, data)


def _read(top: Path) -> Files:
    found: Files = {}
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = Path(folder, name)
            found[str(path.relative_to(top))] = None if name in folders else path.read_bytes()
    return found


def _site() -> str:
    """Where the product asked for a sync: the line that called the helper, or the sync itself."""
    frame = inspect.currentframe()
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        ours = file.is_relative_to(ROOT) and not file.is_relative_to(ROOT / "tests")
        if ours and frame.f_code.co_name != "sync_folder" and ".venv" not in file.parts:
            return f"{file.relative_to(ROOT)}:{frame.f_lineno}"
        frame = frame.f_back
    raise AssertionError("nobody of the product's asked for this sync")
