"""Resolves the clinics that a caller selected: HSA-ids, a group or a filter become keys of clinics.

The check before a distribution and the distribution itself call the same function, so their results
cannot differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from store.clinics.filters import ClinicFilter
from store.clinics.hsa_ids import is_hsa_id
from store.errors import NotFound, Path, RowProblem, RowsRefused
from store.mongo.chunks import chunks
from store.mongo.row_reader import RowReader
from store.mongo.rows import clinic_from, group_from
from store.records import Clinic, ClinicGroup, ClinicStatus, RefusalReason, RefusedRow, key_of

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
class ClinicSelector:
    """The clinics that a caller selected: exactly one of `rows`, `group` and `filter`.

    Attributes:
        rows: Row numbers, from 1, and HSA-ids as the caller wrote them.
        group: Id of a group of the principal.
        filter: Every clinic of the principal that matches; only active clinics unless the filter
            has statuses.
        path: Of the rows in the input of the call.
        numbered: Whether each row has an index of its own below `path`.
    """

    rows: Sequence[tuple[int, str]] | None = None
    group: str | None = None
    filter: ClinicFilter | None = None
    path: Path = ("to",)
    numbered: bool = False

    @classmethod
    def of_ids(cls, hsa_ids: Sequence[str], argument: str = "to") -> "ClinicSelector":
        """The clinics of a list; a row's number is its position, from 1."""
        return cls(rows=list(enumerate(hsa_ids, 1)), path=(argument, "hsaIds"), numbered=True)

    def problem(self, row: RefusedRow) -> RowProblem:
        """A refused row as an error with its path in the input."""
        path = (*self.path, str(row.row - 1)) if self.numbered else self.path
        return RowProblem(str(row.reason), _MESSAGES[row.reason], path, row.row, row.value)


@dataclass(frozen=True, slots=True)
class ResolvedClinics:
    """The clinics that a selector resolved to.

    Attributes:
        clinics: Keys of the clinics that can be used, sorted.
        refused: Rows that cannot be used, in order.
        rule_group: The group, if it has a rule: clinics that fit the rule later belong as well.
    """

    clinics: Sequence[str]
    refused: Sequence[RefusedRow]
    rule_group: ClinicGroup | None = None

    def raise_if_refused(self, selector: ClinicSelector) -> None:
        """Refuse the whole call if a row cannot be used.

        Raises:
            RowsRefused: Names each refused row.
        """
        if self.refused:
            raise RowsRefused([selector.problem(row) for row in self.refused])


async def resolve_clinics(
    reader: RowReader,
    selector: ClinicSelector,
    principal: str,
    now: datetime,
    extra_prefixes: tuple[str, ...] = (),
    *,
    include_ended: bool = False,
) -> ResolvedClinics:
    """Look up the clinics of a selector.

    Args:
        reader: The transaction of a write, or the database.
        selector: The clinics that the caller selected.
        principal: Key; clinics of other principals are refused.
        now: Decides which clinics have ended.
        extra_prefixes: Of test ids that break the pattern of HSA-ids.
        include_ended: Also use clinics that are not activated, have ended or are archived.

    Raises:
        NotFound: The principal has no such group.
    """
    group = None
    if selector.group is not None:
        group = await open_group(reader, selector.group, principal, selector.path)
    if group is not None and group.members is not None:
        rows: Sequence[tuple[int, str]] = list(enumerate(group.members, 1))
    elif selector.rows is not None:
        rows = selector.rows
    else:
        conditions = selector.filter or ClinicFilter()
        if group is not None and group.rule is not None:
            conditions = ClinicFilter.of_rule(group.rule, principal)
        if conditions.statuses is None and not include_ended:
            conditions = replace(conditions, statuses=[ClinicStatus.ACTIVE])
        where = replace(conditions, principal=principal).where(now)
        found = await reader.find("clinics", where, projection={"_id": 1})
        return ResolvedClinics(sorted(row["_id"] for row in found), (), group)
    named = await reader.find("clinics", {"_id": {"$in": [key_of(value) for _, value in rows]}})
    clinics = {row["_id"]: clinic_from(row) async for chunk in chunks(named) for row in chunk}
    refused = refused_rows(
        rows, clinics, principal, now, extra_prefixes, include_ended=include_ended
    )
    refused_numbers = {row.row for row in refused}
    return ResolvedClinics(
        sorted(key_of(value) for number, value in rows if number not in refused_numbers), refused
    )


async def open_group(reader: RowReader, group_id: str, principal: str, path: Path) -> ClinicGroup:
    """The current version of a principal's group.

    Raises:
        NotFound: The principal has no such group.
    """
    rows = await reader.find(
        "groups", {"group": {"$eq": group_id}, "principal": principal, "open": True}
    )
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
    include_ended: bool = False,
) -> list[RefusedRow]:
    """The rows of a list that cannot be used, in order, each with its reason."""
    refused = []
    seen: set[str] = set()
    for number, value in rows:
        key = key_of(value)
        reason = (
            RefusalReason.DUPLICATE
            if key in seen
            else _refusal_reason(value, clinics.get(key), principal, now, extra_prefixes)
        )
        seen.add(key)
        if reason is not None and not (include_ended and reason in _REFUSED_STATUS.values()):
            refused.append(RefusedRow(number, value, reason))
    return refused


def _refusal_reason(
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
