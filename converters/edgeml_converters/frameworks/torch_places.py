"""A line of a model's source, and what the statement there does with the value that it reads."""

import ast
import linecache
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import NamedTuple

_SAYING = ("print", "debug", "info", "warning", "warn", "error", "exception", "critical", "log")
_CHECKING = ("_assert", "_assert_async", "_check", "_check_value", "_check_tensor_all")
_CATCHING = ("Exception", "BaseException", "RuntimeError", "TypeError", "ValueError")


class Place(NamedTuple):
    """harmless: whether the value only decides about an error or is only said, so that no answer
    depends on it. caught: whether the model catches the errors of what reads it, those of an
    exporter among them."""

    file: str
    line: int
    text: str
    harmless: bool = False
    caught: bool = False

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line} ({self.text.strip()})"


def place_of(frames: Sequence[FrameType]) -> Place:
    """The line of the first frame, whose callers follow."""
    statements = [_statements(frame) for frame in frames]
    file, line = frames[0].f_code.co_filename, frames[0].f_lineno
    return Place(
        file,
        line,
        linecache.getline(file, line),
        harmless=_is_harmless(statements),
        caught=any(_is_caught(path) for path in statements),
    )


def _statements(frame: FrameType) -> list[ast.stmt]:
    """Those that the frame is in, the innermost last; empty where there is no source."""
    position = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if position is None or position[0] is None or position[2] is None:
        return []
    point = position[0], position[2]
    found: list[ast.stmt] = []
    children: list[ast.stmt] = _tree(frame.f_code.co_filename)
    while children:
        inside = next((child for child in children if _holds(child, point)), None)
        if inside is None:
            break
        found.append(inside)
        children = [node for node in ast.walk(inside) if isinstance(node, ast.stmt)][1:]
    return found


@cache
def _tree(file: str) -> list[ast.stmt]:
    try:
        return ast.parse("".join(linecache.getlines(file))).body
    except SyntaxError:
        return []


def _holds(node: ast.AST, point: tuple[int, int]) -> bool:
    if not isinstance(node, ast.stmt | ast.expr):
        return False
    end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return (node.lineno, node.col_offset) <= point <= end


def _is_harmless(statements: Sequence[Sequence[ast.stmt]]) -> bool:
    """Of the innermost statement, or of the one that calls it where it only returns the value."""
    for path in statements:
        if not path:
            return False
        if not isinstance(path[-1], ast.Return):
            return _checks_or_says(path[-1])
    return False


def _checks_or_says(statement: ast.stmt) -> bool:
    if any(isinstance(node, ast.NamedExpr) for node in ast.walk(statement)):
        return False
    if isinstance(statement, ast.If):
        return not statement.orelse and all(
            isinstance(inner, ast.Raise | ast.Pass) or _checks_or_says(inner)
            for inner in statement.body
        )
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        return name in (*_SAYING, *_CHECKING)
    return isinstance(statement, ast.Assert | ast.Raise)


def _is_caught(path: Sequence[ast.stmt]) -> bool:
    return any(
        isinstance(outer, ast.Try)
        and any(inner in outer.body for inner in path)
        and any(_catches(handler) for handler in outer.handlers)
        for outer in path
    )


def _catches(handler: ast.ExceptHandler) -> bool:
    if any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
        return False
    names = [] if handler.type is None else [
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(handler.type)
        if isinstance(node, ast.Attribute | ast.Name)
    ]  # fmt: skip
    return not names or any(name in _CATCHING for name in names)
