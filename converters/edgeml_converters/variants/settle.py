"""What people said, held against the float files: what outputs mean, and what stays in float."""

from collections.abc import Sequence
from pathlib import Path

from edgeml.errors import InputError
from edgeml.manifest import Format
from edgeml.parity.roles import Role
from edgeml_converters.bisect.kept import kinds_and_sources, ops_like
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.roles.assume import assume_roles, read_roles_graph
from edgeml_converters.roles.given import Roles
from edgeml_converters.roles.labels import Tellings
from edgeml_converters.variants.candidate import Candidate


def settle_roles(
    bases: Sequence[Candidate],
    answers: Arrays,
    given: Roles,
    told: Tellings,
    file: tuple[Format, Path] | None = None,
) -> Roles:
    """One set for all formats: what a graph leaves unknown, the next one may show.

    bases: the float files, in the order asked for. answers: the model's, the sample first. given:
    as people say. told: by labels, of these answers. file: the source, where that is one. Raises
    InputError for a role that an output cannot have.
    """
    graph = None if file is None else read_roles_graph(*file)
    roles = assume_roles(answers, given, told, graph, {})
    for base in bases:
        if base.folder is None or not base.report.outputs:
            continue
        graph = read_roles_graph(base.report.format, base.entry)
        shown = assume_roles(answers, given, told, graph, base.report.outputs)
        # What only values look like gives way to what a graph shows.
        roles = {
            name: shown[name] if _rests_on_values(of_output) else of_output
            for name, of_output in roles.items()
        }
    return roles


def _rests_on_values(roles: tuple[Role, ...]) -> bool:
    return all(role.source in ("values", "nothing") for role in roles)


def check_kept(patterns: Sequence[str], bases: Sequence[Candidate]) -> None:
    """Raises InputError for a pattern that means nothing in any of the float files."""
    made = [base for base in bases if base.folder is not None]
    for pattern in patterns if made else ():
        if any(ops_like(base.report.format, base.entry, pattern) for base in made):
            continue
        kinds, sources = kinds_and_sources(made[0].report.format, made[0].entry)
        raise InputError(
            f"--keep-float {pattern!r} means no operator, layer or module of the model; there are "
            f"{', '.join(kinds)}{' and ' if sources else ''}{', '.join(sources[:20])}."
        )
