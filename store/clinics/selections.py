"""Choosing clinics: by HSA-ids, by a group or by a filter; and which of the chosen can't be used,
row by row.

The same function answers the check before a distribution and the distribution itself, so the two
can't differ.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from store.clinics.filters import ClinicFilter
from store.clinics.hsa_ids import is_hsa_id
from store.errors import NotFound, Path, RowProblem, RowsRefused
from store.mongo.chunks import chunks
from store.mongo.connection import Row
from store.mongo.rows import clinic_from, group_from
from store.records import Clinic, ClinicGroup, ClinicStatus, RefusalReason, RefusedRow, key_of

Find = Callable[..., Awaitable[list[Row]]]
"""Reads rows: from the database, or within a transaction."""

_REFUSED_STATUS = {
    ClinicStatus.NOT_ACTIVATED: RefusalReason.NOT_ACTIVATED,
    ClinicStatus.ENDED: RefusalReason.ENDED,
    ClinicStatus.ARCHIVED: RefusalReason.ARCHIVED,
}
_MESSAGES = {
    RefusalReason.MALFORMED: "Detta är inget HSA-id.",
    RefusalReason.UNKNOWN: "Mottagningen finns inte i registret.",
    RefusalReason.DUPLICATE: "Mottagningen står redan på en tidigare rad.",
    RefusalReason.NOT_ACTIVATED: "Mottagningen är inte aktiverad i e-tjänsterna.",
    RefusalReason.ENDED: "Mottagningen har upphört.",
    RefusalReason.ARCHIVED: "Mottagningen är arkiverad.",
    RefusalReason.OUTSIDE_PRINCIPAL: "Mottagningen hör till en annan huvudman.",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """A way to choose clinics: exactly one of `rows`, `group` and `which`.

    Attributes:
        rows: Row numbers, from 1, and HSA-ids as the caller gave them.
        group: Id of a group of the principal.
        which: Every clinic of the principal that matches; only active ones unless it names
            statuses.
        path: Where the rows stand in the input of the call.
        numbered: Whether each row has a place of its own below `path`.
    """

    rows: Sequence[tuple[int, str]] | None = None
    group: str | None = None
    which: ClinicFilter | None = None
    path: Path = ("to",)
    numbered: bool = False

    @classmethod
    def of_ids(cls, hsa_ids: Sequence[str], argument: str = "to") -> "Selection":
        """The clinics of a list; a row's number is its place, from 1."""
        return cls(rows=list(enumerate(hsa_ids, 1)), path=(argument, "hsaIds"), numbered=True)

    def problem(self, row: RefusedRow) -> RowProblem:
        """A refused row as an error with its place."""
        path = (*self.path, str(row.row - 1)) if self.numbered else self.path
        return RowProblem(str(row.reason), _MESSAGES[row.reason], path, row.row, row.value)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a selection comes to.

    Attributes:
        clinics: Keys of those that can be used, sorted.
        refused: Rows that can't, in order.
        live: The group, if the clinics fit its rule: one that fits later belongs as well.
    """

    clinics: Sequence[str]
    refused: Sequence[RefusedRow]
    live: ClinicGroup | None = None

    def or_refuse(self, selection: Selection) -> "Chosen":
        """Itself, if no row is refused.

        Raises:
            RowsRefused: Some are.
        """
        if self.refused:
            raise RowsRefused([selection.problem(row) for row in self.refused])
        return self


async def choose(
    find: Find,
    selection: Selection,
    principal: str,
    now: datetime,
    extra_prefixes: tuple[str, ...] = (),
    *,
    ended_too: bool = False,
) -> Chosen:
    """The clinics of a principal that a selection comes to.

    Args:
        find: Reads rows.
        selection: What was asked for.
        principal: Whose clinics; others are refused.
        now: For end dates.
        extra_prefixes: Of HSA-ids of test systems.
        ended_too: Clinics that are not active can be used as well.

    Raises:
        NotFound: There is no such group.
    """
    group = None
    if selection.group is not None:
        group = await open_group(find, selection.group, principal, selection.path)
    if group is not None and group.members is not None:
        rows: Sequence[tuple[int, str]] = list(enumerate(group.members, 1))
    elif selection.rows is not None:
        rows = selection.rows
    else:
        which = (
            ClinicFilter.of_rule(group.rule, principal)
            if group and group.rule
            else (selection.which or ClinicFilter())
        )
        if which.statuses is None and not ended_too:
            which = replace(which, statuses=[ClinicStatus.ACTIVE])
        found = await find(
            "clinics", replace(which, principal=principal).where(now), projection={"_id": 1}
        )
        return Chosen(sorted(row["_id"] for row in found), (), group)
    named = await find("clinics", {"_id": {"$in": [key_of(value) for _, value in rows]}})
    clinics = {row["_id"]: clinic_from(row) async for some in chunks(named) for row in some}
    refused = refused_rows(rows, clinics, principal, now, extra_prefixes, ended_too=ended_too)
    unusable = {row.row for row in refused}
    return Chosen(
        sorted(key_of(value) for number, value in rows if number not in unusable), refused
    )


async def open_group(find: Find, group_id: str, principal: str, path: Path) -> ClinicGroup:
    """A group of a principal.

    Raises:
        NotFound: There is none.
    """
    rows = await find("groups", {"group": {"$eq": group_id}, "principal": principal, "open": True})
    if not rows:
        raise NotFound("Gruppen finns inte.", path)
    return group_from(rows[0])


def refused_rows(
    rows: Sequence[tuple[int, str]],
    clinics: Mapping[str, Clinic],
    principal: str,
    now: datetime,
    extra_prefixes: tuple[str, ...] = (),
    *,
    ended_too: bool = False,
) -> list[RefusedRow]:
    """The rows of a list that can't be used, in order, each with its reason."""
    refused = []
    seen: set[str] = set()
    for number, value in rows:
        key = key_of(value)
        reason = (
            RefusalReason.DUPLICATE
            if key in seen
            else _reason(value, clinics.get(key), principal, now, extra_prefixes)
        )
        seen.add(key)
        if reason is not None and not (ended_too and reason in _REFUSED_STATUS.values()):
            refused.append(RefusedRow(number, value, reason))
    return refused


def _reason(
    value: str,
    clinic: Clinic | None,
    principal: str,
    now: datetime,
    extra_prefixes: tuple[str, ...],
) -> RefusalReason | None:
    if clinic is None:
        return (
            RefusalReason.UNKNOWN if is_hsa_id(value, extra_prefixes) else RefusalReason.MALFORMED
        )
    if clinic.principal != principal:
        return RefusalReason.OUTSIDE_PRINCIPAL
    return _REFUSED_STATUS.get(clinic.status_at(now))
