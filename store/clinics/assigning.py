"""How case types come to clinics and leave them: what several acts share.

These stage writes in a transaction that the caller holds, alone in it; nothing here commits.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.filters import ClinicFilter
from store.clinics.policies import policies_of
from store.clinics.validity import close_rows, valid_at
from store.documents import heads
from store.documents.publishing import next_position
from store.mongo.chunks import chunks
from store.mongo.connection import Row
from store.mongo.rows import assignment_from, assignment_row, clinic_from, group_from
from store.mongo.transactions import Transaction
from store.records import (
    Act,
    Action,
    Assignment,
    AssignmentOrigin,
    Audience,
    CentralActivation,
    Clinic,
    ClinicGroup,
    ClinicRule,
    ClinicStatus,
    Document,
    DocumentState,
    Event,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """In what way a case type comes to clinics."""

    origin: AssignmentOrigin
    start_page_order: int | None = None
    contact_card_order: int | None = None
    group: str | None = None


async def at_clinics(
    transaction: Transaction, document: str, clinics: Sequence[str]
) -> dict[str, Assignment]:
    """By clinic, how some clinics have a document now."""
    rows = await transaction.find(
        "assignments", {"document": document, "open": True, "clinic": {"$in": list(clinics)}}
    )
    return {row["clinic"]: assignment_from(row) async for some in chunks(rows) for row in some}


async def assign(
    transaction: Transaction, act: Act, head: Document, clinics: Iterable[str], terms: Terms
) -> tuple[Assignment, ...]:
    """Stage the arrival of a case type at clinics that don't have it so already; the event is the
    caller's.

    A clinic that follows it gets it distributed instead, in its place. Where clinics activate
    central case types themselves it
    arrives inactive.
    """
    keys = sorted(set(clinics))
    have = await at_clinics(transaction, head.id, keys)
    receivers = [
        key
        for key in keys
        if key not in have
        or (have[key].origin is not terms.origin and terms.origin is AssignmentOrigin.DISTRIBUTED)
    ]
    if not receivers:
        return ()
    by_clinic = (
        await policies_of(transaction.find, head.principal)
    ).central_activation is CentralActivation.CLINIC
    position = next_position(transaction)
    made: list[Assignment] = []
    async for some in chunks(receivers):
        for clinic in some:
            earlier = have.get(clinic)
            made.append(
                Assignment(
                    id=f"as_{ObjectId()}",
                    clinic=clinic,
                    document=head.id,
                    principal=head.principal,
                    origin=terms.origin,
                    from_sequence=position.sequence,
                    since=position.at,
                    by=act.actor,
                    start_page_order=terms.start_page_order,
                    contact_card_order=terms.contact_card_order,
                    arrival=earlier.arrival if earlier else position.sequence,
                    active=earlier.active if earlier else not by_clinic,
                    waiting=earlier.waiting if earlier else by_clinic,
                    acknowledged_version=earlier.acknowledged_version if earlier else None,
                )
            )
    if followed := [key for key in receivers if key in have]:
        transaction.write(
            "assignments", close_rows({"document": head.id, "clinic": {"$in": followed}}, position)
        )
    async for arrived in chunks(made):
        transaction.write(
            "assignments", *(InsertOne(assignment_row(assignment)) for assignment in arrived)
        )
    return tuple(made)


def told(
    transaction: Transaction,
    act: Act,
    action: Action,
    head: Document,
    clinics: Sequence[str],
    counts: Mapping[str, int],
    *,
    group: str | None = None,
) -> tuple[Document, Event]:
    """Stage the event of an act on a case type at some clinics, which are told, and the head as
    counted.
    """
    head = heads.counted(head, notice=True, changed=False, at=transaction.at)
    transaction.put(head)
    event = transaction.record(
        act,
        action,
        document=head.id,
        kind=head.kind,
        version=head.published,
        published_before=head.published,
        published_after=head.published,
        state=head.state,
        audience=Audience.NAMED,
        resident_visible=head.state is DocumentState.ACTIVE,
        clinics=tuple(sorted(clinics)),
        counts=dict(counts),
        group=group,
    )
    return head, event


def moved(
    assignment: Assignment, transaction: Transaction, act: Act, *, active: bool
) -> Assignment:
    """The same assignment from the next event on, shown to residents there or not."""
    position = next_position(transaction)
    return replace(
        assignment,
        id=f"as_{ObjectId()}",
        from_sequence=position.sequence,
        since=position.at,
        by=act.actor,
        active=active,
        waiting=False,
    )


async def join(
    transaction: Transaction, act: Act, changed: Sequence[tuple[Clinic | None, Clinic]]
) -> None:
    """Hand case types that are distributed to groups by rule to the clinics that fit a rule now and
    did not before.

    Args:
        transaction: Of the import that changed the clinics.
        act: Who imported them.
        changed: Each clinic before, None for a new one, and after.
    """
    standing = await transaction.find(
        "standing",
        {"principal": transaction.principal, "open": True},
        sort=[("from_sequence", 1), ("_id", 1)],
    )
    rows = (
        await transaction.find(
            "groups", {"group": {"$in": sorted({row["group"] for row in standing})}, "open": True}
        )
        if standing
        else []
    )
    groups = {row["group"]: group_from(row) for row in rows}

    def fits(which: ClinicFilter, clinic: Clinic | None) -> bool:
        return clinic is not None and which.matches(clinic, transaction.at)

    joining: dict[str, list[str]] = {}
    for group in groups.values():
        if group.rule is not None:
            which = _fitting(group)
            joining[group.id] = [
                after.key
                for before, after in changed
                if fits(which, after) and not fits(which, before)
            ]
    await assign_to_new_members(transaction, act, standing, joining)


async def rejoin(transaction: Transaction, act: Act, head: Document, left: int) -> None:
    """Hand a case type that is back from the archive to the clinics that came to fit its groups'
    rules meanwhile.

    Args:
        transaction: The caller holds it.
        act: Who took the case type back.
        head: The case type.
        left: The sequence number at which it was archived.
    """
    standing = await transaction.find(
        "standing", {"document": head.id, "open": True}, sort=[("from_sequence", 1), ("_id", 1)]
    )
    joining: dict[str, list[str]] = {}
    for row in standing:
        now, then = [
            [
                group_from(found)
                for found in await transaction.find(
                    "groups", {"group": row["group"], **valid_at(sequence)}
                )
            ]
            for sequence in (None, left)
        ]
        fitting = [
            clinic_from(found)
            for found in await transaction.find("clinics", _fitting(now[0]).where(transaction.at))
        ]
        keys = [clinic.key for clinic in fitting]
        states = await transaction.find(
            "clinic_states", {"clinic": {"$in": keys}, **valid_at(left)}
        )
        fitted = {
            state["clinic"]
            for state in states
            if then and _fitting(then[0]).matches(clinic_from(state["as_was"]), transaction.at)
        }
        joining[row["group"]] = [key for key in keys if key not in fitted]
    await assign_to_new_members(transaction, act, standing, joining)


def _fitting(group: ClinicGroup) -> ClinicFilter:
    return replace(
        ClinicFilter.of_rule(group.rule or ClinicRule(), group.principal),
        statuses=[ClinicStatus.ACTIVE],
    )


async def assign_to_new_members(
    transaction: Transaction, act: Act, standing: Sequence[Row], joining: dict[str, list[str]]
) -> None:
    """Stage what clinics that join groups receive: one event for each case type and group.

    Args:
        transaction: The caller holds it.
        act: Who made them join.
        standing: Rows of distributions to groups by rule, oldest first.
        joining: Keys of the clinics by group.
    """
    received: dict[str, set[str]] = defaultdict(set)
    await transaction.load(row["document"] for row in standing if joining.get(row["group"]))
    for row in standing:
        newcomers = set(joining.get(row["group"], ())) - received[row["document"]]
        if not newcomers:
            continue
        head = transaction.document(row["document"])
        if head.state is DocumentState.ARCHIVED:
            continue
        terms = Terms(
            AssignmentOrigin.DISTRIBUTED,
            row["start_page_order"],
            row["contact_card_order"],
            row["group"],
        )
        if made := await assign(transaction, act, head, newcomers, terms):
            told(
                transaction,
                act,
                Action.DISTRIBUTED,
                head,
                [one.clinic for one in made],
                {"clinics": len(made)},
                group=row["group"],
            )
            received[head.id] |= {one.clinic for one in made}
