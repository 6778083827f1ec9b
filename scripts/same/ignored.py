"""What two runs of one commit may differ in: each part with its reason, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

_MICROSECONDS = rb"[\d.,]+ \xc2\xb5s"  # UTF-8


@dataclass(frozen=True)
class Ignored:
    """files: which, by case and path. what: a pattern, of whose matches the group `value` is not
    compared; all around it is."""

    name: str
    files: str
    what: bytes
    reason: str

    def without(self, content: bytes) -> bytes:
        return re.sub(self.what, _emptied, content, flags=re.MULTILINE)


IGNORED = (
    Ignored(
        "elapsed time",
        "*/terminal/*.err",
        rb" (?P<value>\d+:\d\d:\d\d)$",
        "how long a step took",
    ),
    Ignored(
        "spinner",
        "*/terminal/*.err",
        rb"^(?P<value>\xe2\xa0.) .*: failed",
        "its picture when a step failed goes by the clock",
    ),
    Ignored(
        "p50_us, p99_us, peak_mib, runs",
        "measured-*/terminal/*-profile.out",
        rb'^ *"(p50_us|p99_us|peak_mib|runs)": (?P<value>[\d.]+),?$',
        "measured: latency, memory, and how many calls the time was enough for",
    ),
    Ignored(
        "p50, p99, calls, peak MiB",
        "measured-*/terminal/*-profile.out",
        rb"(?P<value>" + _MICROSECONDS + rb" .*)$",
        "the same in a table",
    ),
    Ignored(
        "width of columns",
        "measured-*/terminal/*-profile.out",
        rb"(?P<value>( |\xe2\x94\x80)+)",
        "a column is as wide as what was measured",
    ),
    Ignored(
        "peak MiB",
        "measured-*/out/report.html",
        rb'\xc2\xb5s</td><td class="n">(?P<value>[\d.]+)</td>$',
        "measured",
    ),
    Ignored(
        "p50 and p99",
        "measured-*/out/report.html",
        rb'<td class="n">(?P<value>' + _MICROSECONDS + rb")</td>",
        "measured",
    ),
    Ignored(
        "front",
        "measured-*/out/report.html",
        rb'<td>(?P<value><span class="[a-z]+">(\xe2\x97\x8f on it|beaten)</span>)</td>',
        "which variant another one beats goes by latency too",
    ),
    Ignored(
        "plots of the front",
        "measured-*/out/report.html",
        rb"<title>[^<]* against (?P<value>(?s:.*?))</svg>",
        "their points, axes and colours go by latency",
    ),
)


def rules(name: str) -> Iterator[Ignored]:
    """Those for a file, by case and path, in order: a later one sees what an earlier one left."""
    return (rule for rule in IGNORED if fnmatch(name, rule.files))


def _emptied(match: re.Match[bytes]) -> bytes:
    start, end = (place - match.start() for place in match.span("value"))
    return match[0][:start] + b"~" + match[0][end:]
