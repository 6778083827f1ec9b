"""What the documentation says is what the code does: a rule fails when one of them moves."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from edgeml import errors, topics, trust
from edgeml.errors import Category
from edgeml.faults import Fault
from edgeml.limits import Limits
from edgeml.telemetry import EventKind
from edgeml_runtime.swap.machine import State

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)


def rows(page: str, heading: str = "") -> Iterator[tuple[str, ...]]:
    """The cells of every row of the tables below a heading, or on the whole page."""
    text = (DOCS / page).read_text()
    if heading:
        text = re.split(r"^#+ ", text.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.M)[0]
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith(("|---", "| ---")):
            yield tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))


def test_the_generated_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_docs.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_error_has_its_row() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)\s+(\d+) ", errors.__doc__ or ""))
    written = {(row[1], row[0]) for row in rows("errors.md", "## Exit codes") if row[1]}
    assert written - {("error", "code")} == drawn


def test_every_kind_of_event_has_its_row() -> None:
    kinds = [row[0] for row in rows("errors.md", "## Events")]
    assert kinds[1:] == list(get_args(EventKind))


def test_every_category_has_its_row() -> None:
    assert [row[0] for row in rows("errors.md", "## Categories")][1:] == list(Category)


def test_every_fault_has_its_row() -> None:
    assert [row[0] for row in rows("faults.md") if row[0] != "fault"] == list(Fault)


def test_every_topic_has_its_row() -> None:
    named = re.findall(r"^edgeml/v1/\S+", topics.__doc__ or "", re.M)
    assert [row[0] for row in rows("topics.md")][1:] == named


def test_every_limit_has_its_row_and_value() -> None:
    found = list(rows("runtime.md", "## Limits"))[1:]
    assert [row[0] for row in found] == [field.name for field in fields(Limits)]
    units = {"GiB": 1 << 30}
    for name, value, _ in found:
        number, _, unit = value.partition(" ")
        assert float(number.replace(",", "")) * units.get(unit, 1) == getattr(Limits(), name), name


def test_every_state_of_the_swap_has_its_row() -> None:
    assert [row[0] for row in rows("runtime.md", "## The swap")][1:] == list(State)


def test_the_numbered_checks_are_the_verifiers() -> None:
    listed = re.findall(r"^- (\(\d\)) (.*)[;.]$", trust.__doc__ or "", re.M)
    assert list(rows("runtime.md", "## What is checked"))[1:] == listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        assert not path.startswith(("http:", "/")), target
        if path.startswith("https:"):
            continue
        to = (page.parent / path) if path else page
        assert to.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", to.read_text(), re.M)
            anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in anchors, f"{page.name} links to {target}"


def test_every_folder_says_what_it_is_for() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = {Path(name).parts[0] for name in listed.stdout.splitlines() if "/" in name}
    for folder in sorted(f for f in folders if not f.startswith(".")):
        readme = ROOT / folder / "README.md"
        assert readme.is_file() and len(readme.read_text().splitlines()) <= 40, folder


def test_every_command_in_the_pages_has_these_options() -> None:
    """Flags in code blocks and inline code, of `edgeml NAME` and `edgeml-runtime`."""
    known: dict[str, set[str]] = {}
    for part in re.split(r"^## ", (DOCS / "commands.md").read_text(), flags=re.M)[1:]:
        heading, _, text = part.partition("\n")
        known[heading] = set(re.findall(r"--[a-z-]+", text)) | {"--help"}
    used = 0
    for page in PAGES:
        text = re.sub(r"\\\n\s+", " ", page.read_text())
        for line in re.findall(r"^.*?(edgeml(?:-runtime| [a-z]+)\b[^|`\n]*)", text, re.M):
            name = line.split(" --")[0].split()
            command = name[0] if name[0] == "edgeml-runtime" else " ".join(name[:2])
            flags = set(re.findall(r"(?<=\s)--[a-z-]+", line))
            if command in known:
                used += len(flags)
                assert flags <= known[command], f"{page.name}: {line}"
            else:
                assert not flags, f"{page.name}: {line}"
    assert used > 20
