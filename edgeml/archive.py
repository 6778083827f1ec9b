"""The ZIP layout of a package, as pure bytes: nothing in it is left to chance.

Every header follows from the members' names, sizes and CRCs (PKWARE APPNOTE 4.3): stored, dated
1980-01-01, mode 0644, no comments, no data descriptors, no ZIP64. Each member's bytes begin on a
page, by an extra field as Android's zipalign writes it (id 0xD935: alignment, zeros). So one set
of members has one archive, under every Python, and a reader finds a member by arithmetic and can
compare the whole file with what it ought to be.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

PAGE_BYTES = 4096
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_ALIGN = struct.Struct("<3H")
_ALIGN_ID = 0xD935
_END_MAX = (1 << 32) - 1  # a position has 32 bits
_VERSION = 20  # 2.0
_MADE_BY = 3 << 8 | _VERSION  # Unix
_DATE = 1 << 5 | 1  # 1980-01-01
_MODE = 0o100644 << 16


@dataclass(frozen=True)
class Member:
    """Where one member lies. header, start: of its header and of its bytes, which is a page."""

    path: str
    size: int
    header: int
    start: int

    @property
    def end(self) -> int:
        return self.start + self.size


def layout(sizes: Iterable[tuple[str, int]]) -> tuple[Member, ...]:
    """Members of these (path, size), one after another; ValueError above 4 GiB."""
    members: list[Member] = []
    end = 0
    for path, size in sizes:
        before = end + _LOCAL.size + len(path.encode()) + _ALIGN.size
        member = Member(path, size, header=end, start=before + -before % PAGE_BYTES)
        members.append(member)
        end = member.end
    if end > _END_MAX:
        raise ValueError("its members need more than 4 GiB")
    return tuple(members)


def header(member: Member, crc: int) -> bytes:
    """What stands before the member's bytes, the padding included."""
    name = member.path.encode()
    extra = member.start - member.header - _LOCAL.size - len(name)
    fixed = _LOCAL.pack(
        b"PK\3\4", _VERSION, 0, 0, 0, _DATE, crc, member.size, member.size, len(name), extra
    )
    align = _ALIGN.pack(_ALIGN_ID, extra - 4, PAGE_BYTES)
    return fixed + name + align + bytes(extra - len(align))


def directory(members: Sequence[Member], crcs: Sequence[int]) -> bytes:
    """What stands behind the last member, to the end of the file."""
    entries = b"".join(
        _CENTRAL.pack(
            b"PK\1\2", _MADE_BY, _VERSION, 0, 0, 0, _DATE, crc, member.size, member.size,
            len(member.path.encode()), 0, 0, 0, 0, _MODE, member.header,
        ) + member.path.encode()
        for member, crc in zip(members, crcs, strict=True)
    )  # fmt: skip
    count = len(members)
    return entries + _END.pack(b"PK\5\6", 0, 0, count, count, len(entries), members[-1].end, 0)


def first_size(start: bytes, path: str) -> int | None:
    """The size of the first member, if `start` begins an archive of this layout with `path`."""
    if len(start) < _LOCAL.size:
        return None
    fields = _LOCAL.unpack_from(start)
    crc, size = int(fields[6]), int(fields[7])
    # The size comes from a stranger, so it is compared and not yet believed.
    (place,) = layout([(path, 0)])
    return size if start.startswith(header(replace(place, size=size), crc)) else None
