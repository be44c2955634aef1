"""Assigns case types to clinics, for distributions, imports, groups and restored case types.

Each function stages writes in the caller's transaction, which has no other change in it. None of
them commits.
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
class AssignmentOptions:
    """How a case type is assigned to clinics.

    Attributes:
        origin: How the clinics get it.
        start_page_order: The requested position on their start pages, from 1; None for last.
        contact_card_order: The requested position on their contact cards, from 1; None for last.
        group: Id of the group that it is distributed to.
    """

    origin: AssignmentOrigin
    start_page_order: int | None = None
    contact_card_order: int | None = None
    group: str | None = None


async def current_assignments(
    transaction: Transaction, document: str, clinics: Sequence[str]
) -> dict[str, Assignment]:
    """The assignments of a document at some clinics now, by key of the clinic."""
    rows = await transaction.find(
        "assignments", {"document": document, "open": True, "clinic": {"$in": list(clinics)}}
    )
    return {row["clinic"]: assignment_from(row) async for chunk in chunks(rows) for row in chunk}


async def assign(
    transaction: Transaction,
    act: Act,
    head: Document,
    clinics: Iterable[str],
    options: AssignmentOptions,
) -> tuple[Assignment, ...]:
    """Stage the assignment of a case type to clinics. The caller records the event.

    A clinic that follows the case type gets it as distributed instead; the arrival, activation and
    acknowledged version of its assignment are kept. Where clinics activate central case types
    themselves, a new assignment is inactive until the clinic activates it.

    Returns:
        The new assignments, by key of the clinic; none for clinics that have the case type in this
        way already.
    """
    keys = sorted(set(clinics))
    current = await current_assignments(transaction, head.id, keys)
    distributes = options.origin is AssignmentOrigin.DISTRIBUTED
    receivers = [
        key
        for key in keys
        if key not in current or (distributes and current[key].origin is not options.origin)
    ]
    if not receivers:
        return ()
    policies = await policies_of(transaction, head.principal)
    clinic_activates = policies.central_activation is CentralActivation.CLINIC
    position = next_position(transaction)
    assignments: list[Assignment] = []
    async for chunk in chunks(receivers):
        for clinic in chunk:
            earlier = current.get(clinic)
            assignments.append(
                Assignment(
                    id=f"as_{ObjectId()}",
                    clinic=clinic,
                    document=head.id,
                    principal=head.principal,
                    origin=options.origin,
                    from_sequence=position.sequence,
                    since=position.at,
                    by=act.actor,
                    start_page_order=options.start_page_order,
                    contact_card_order=options.contact_card_order,
                    arrival=earlier.arrival if earlier else position.sequence,
                    active=earlier.active if earlier else not clinic_activates,
                    waiting=earlier.waiting if earlier else clinic_activates,
                    acknowledged_version=earlier.acknowledged_version if earlier else None,
                )
            )
    if followed := [key for key in receivers if key in current]:
        transaction.write(
            "assignments", close_rows({"document": head.id, "clinic": {"$in": followed}}, position)
        )
    async for new in chunks(assignments):
        transaction.write(
            "assignments", *(InsertOne(assignment_row(assignment)) for assignment in new)
        )
    return tuple(assignments)


def record_assignment_event(
    transaction: Transaction,
    act: Act,
    action: Action,
    head: Document,
    clinics: Sequence[str],
    counts: Mapping[str, int],
    *,
    group: str | None = None,
) -> tuple[Document, Event]:
    """Stage the event of an act on a case type at some clinics, and the head that counts it.

    Args:
        transaction: The caller's.
        act: Who writes, and why.
        action: Of the event.
        head: The case type.
        clinics: Keys of the clinics that are notified.
        counts: Of the event.
        group: Id of the group that the act was for.
    """
    head = heads.with_event_counted(head, notice=True, changed=False, at=transaction.at)
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


def with_activation(
    assignment: Assignment, transaction: Transaction, act: Act, *, active: bool
) -> Assignment:
    """The assignment that follows this one at the next event, shown to residents or hidden."""
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


async def assign_after_import(
    transaction: Transaction, act: Act, changed: Sequence[tuple[Clinic | None, Clinic]]
) -> None:
    """Stage the case types that imported clinics receive from groups whose rules they now fit.

    Args:
        transaction: Of the import that changed the clinics.
        act: Who imported them.
        changed: Each clinic before the import, None for a new clinic, and after it.
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

    def fits(rule: ClinicFilter, clinic: Clinic | None) -> bool:
        return clinic is not None and rule.matches(clinic, transaction.at)

    joining: dict[str, list[str]] = {}
    for group in groups.values():
        if group.rule is not None:
            rule = _active_members(group)
            joining[group.id] = [
                after.key
                for before, after in changed
                if fits(rule, after) and not fits(rule, before)
            ]
    await assign_to_new_members(transaction, act, standing, joining)


async def assign_after_restore(
    transaction: Transaction, act: Act, head: Document, archived_sequence: int
) -> None:
    """Stage the assignment of a restored case type to the clinics that have joined its groups.

    These are the clinics that fit a rule now and did not when the case type was archived.

    Args:
        transaction: The caller's.
        act: Who restored the case type.
        head: The case type.
        archived_sequence: Sequence number of the event that archived it.
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
            for sequence in (None, archived_sequence)
        ]
        members = [
            clinic_from(found)
            for found in await transaction.find(
                "clinics", _active_members(now[0]).where(transaction.at)
            )
        ]
        keys = [clinic.key for clinic in members]
        states = await transaction.find(
            "clinic_states", {"clinic": {"$in": keys}, **valid_at(archived_sequence)}
        )
        former = {
            state["clinic"]
            for state in states
            if then
            and _active_members(then[0]).matches(clinic_from(state["as_was"]), transaction.at)
        }
        joining[row["group"]] = [key for key in keys if key not in former]
    await assign_to_new_members(transaction, act, standing, joining)


def _active_members(group: ClinicGroup) -> ClinicFilter:
    """The active clinics that fit a group's rule."""
    return replace(
        ClinicFilter.of_rule(group.rule or ClinicRule(), group.principal),
        statuses=[ClinicStatus.ACTIVE],
    )


async def assign_to_new_members(
    transaction: Transaction, act: Act, standing: Sequence[Row], joining: dict[str, list[str]]
) -> None:
    """Stage the case types that new members of groups receive: one event per case type and group.

    Archived case types are left out.

    Args:
        transaction: The caller's.
        act: Who made the clinics join.
        standing: Rows of the standing distributions to groups with a rule, oldest first.
        joining: Keys of the clinics that join, by id of the group.
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
        options = AssignmentOptions(
            AssignmentOrigin.DISTRIBUTED,
            row["start_page_order"],
            row["contact_card_order"],
            row["group"],
        )
        if assignments := await assign(transaction, act, head, newcomers, options):
            clinics = [assignment.clinic for assignment in assignments]
            record_assignment_event(
                transaction,
                act,
                Action.DISTRIBUTED,
                head,
                clinics,
                {"clinics": len(clinics)},
                group=row["group"],
            )
            received[head.id].update(clinics)
