"""The order of case types at a clinic.

The clinic's own order applies first, then the orders of its groups, then its principal's.

An order is a list of case types, stored as saved. Case types that are not in the first order follow
in the next one. A case type that is in no order comes last, or at the position that its
distribution requested.
"""

from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.validity import close_rows, open_row, valid_at
from store.documents.publishing import next_position
from store.idempotency import IdempotencyKey
from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.transactions import Transaction
from store.records import Act, Action, Assignment, Clinic, ClinicGroup, OrderedList, Saved


class Orders:
    """The orders of one registry."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def save(
        self,
        principal: str,
        target: str,
        which: OrderedList,
        order: Sequence[str],
        *,
        clinic: str | None = None,
        group: str | None = None,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Set an order.

        Args:
            principal: Key of the principal whose log records it.
            target: Id of the principal, group or clinic that the order is for.
            which: Start page or contact card.
            order: Ids of case types, each once; empty to remove the order.
            clinic: Key of the clinic, for a clinic's order.
            group: Id of the group, for a group's order.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The event; none where nothing changed.
        """

        async def change(transaction: Transaction) -> Saved:
            where = {"target": target, "list": str(which)}
            rows = await transaction.find("orders", {**where, "open": True})
            if list(order) == (rows[0]["order"] if rows else []):
                return Saved()
            position = next_position(transaction)
            row = {"_id": str(ObjectId()), "principal": principal, **where, "order": list(order)}
            transaction.write(
                "orders", close_rows(where, position), InsertOne(row | open_row(position))
            )
            clinics = () if clinic is None else (clinic,)
            return Saved(
                event=transaction.record(act, Action.REORDERED, clinics=clinics, group=group)
            )

        return await self._log.submit(principal, change, key=key, alone=True)

    async def of_clinics(
        self,
        clinics: Iterable[Clinic],
        groups: Mapping[str, Sequence[ClinicGroup]],
        which: OrderedList,
        sequence: int | None = None,
    ) -> Mapping[str, Sequence[Sequence[str]]]:
        """The orders that apply to each clinic, the most specific first, by key of the clinic.

        Args:
            clinics: Of one principal.
            groups: The groups that each clinic is in, by its key.
            which: Start page or contact card.
            sequence: Just after this event of the principal's log; None for now.
        """
        targets = {
            clinic.key: [
                clinic.id,
                *(group.id for group in groups[clinic.key]),
                f"pr_{clinic.principal}",
            ]
            for clinic in clinics
        }
        all_targets = sorted({target for own in targets.values() for target in own})
        rows = await self._database.find(
            "orders", {"target": {"$in": all_targets}, "list": str(which), **valid_at(sequence)}
        )
        orders = {row["target"]: row["order"] for row in rows}
        saved_at = {row["target"]: row["from_sequence"] for row in rows}

        def precedence(target: str) -> tuple[int, int]:
            # Of the orders of several groups, the last saved comes first.
            return ("cl_", "gr_", "pr_").index(target[:3]), -saved_at[target]

        return {
            key: [
                orders[target]
                for target in sorted(filter(orders.__contains__, own), key=precedence)
            ]
            for key, own in targets.items()
        }


def arranged(
    assignments: Iterable[Assignment], orders: Sequence[Sequence[str]], which: OrderedList
) -> list[Assignment]:
    """The assignments of one clinic in their order.

    Those in no order come last, by the time that the clinic first got them; then each with a
    requested position is inserted there.

    Args:
        assignments: One for each document.
        orders: The most specific first.
        which: Start page or contact card.
    """
    unordered = {assignment.document: assignment for assignment in assignments}
    result = [
        unordered.pop(document) for order in orders for document in order if document in unordered
    ]
    rest = sorted(
        unordered.values(), key=lambda assignment: (assignment.arrival, assignment.document)
    )
    result += [assignment for assignment in rest if _requested_position(assignment, which) is None]
    positioned = [
        (position, assignment)
        for assignment in rest
        if (position := _requested_position(assignment, which)) is not None
    ]
    for position, assignment in sorted(positioned, key=lambda pair: pair[0]):
        result.insert(position - 1, assignment)
    return result


def _requested_position(assignment: Assignment, which: OrderedList) -> int | None:
    return (
        assignment.start_page_order
        if which is OrderedList.START_PAGE
        else assignment.contact_card_order
    )
