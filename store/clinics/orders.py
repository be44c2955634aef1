"""In which order a clinic's case types stand: the principal's order, a group's over it, the
clinic's own over both.

An order is a list of case types, kept as saved: what it doesn't name follows in the next order's
turn, and what no order names stands last,
or at the place that its distribution asked for.
"""

from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.validity import close_rows, open_row, valid_at
from store.documents.publishing import next_position
from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.transactions import IdempotencyKey, Transaction
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
        """Set an order. No change where it is so already.

        Args:
            principal: Key of the principal whose log it writes to.
            target: Id of the principal, group or clinic that it is for.
            which: The list that it orders.
            order: Ids of case types, each once; none takes the order away.
            clinic: The clinic's key, where it is for one.
            group: The group's id, where it is for one.
            act: Who writes and why.
            key: For a safe repeat.
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
        """The orders that hold for each clinic, by its key, the most specific first; just after an
        event, or now.

        Args:
            clinics: Of one principal.
            groups: The groups that each is in.
            which: The list.
            sequence: Of the principal's log.
        """
        targets = {
            clinic.key: [
                clinic.id,
                *(group.id for group in groups[clinic.key]),
                f"pr_{clinic.principal}",
            ]
            for clinic in clinics
        }
        wanted = sorted({target for several in targets.values() for target in several})
        rows = await self._database.find(
            "orders", {"target": {"$in": wanted}, "list": str(which), **valid_at(sequence)}
        )
        orders = {row["target"]: row["order"] for row in rows}
        begins = {row["target"]: row["from_sequence"] for row in rows}

        def specific(target: str) -> tuple[int, int]:
            # Of several groups' orders the one saved last comes first.
            return ("cl_", "gr_", "pr_").index(target[:3]), -begins[target]

        return {
            key: [
                orders[target]
                for target in sorted(filter(orders.__contains__, several), key=specific)
            ]
            for key, several in targets.items()
        }


def arranged(
    assignments: Iterable[Assignment], orders: Sequence[Sequence[str]], which: OrderedList
) -> list[Assignment]:
    """Assignments of one clinic in their order.

    Args:
        assignments: One for each document.
        orders: The most specific first.
        which: The list that they stand on.
    """
    waiting = {assignment.document: assignment for assignment in assignments}
    result = [
        waiting.pop(document) for order in orders for document in order if document in waiting
    ]
    rest = sorted(
        waiting.values(), key=lambda assignment: (assignment.arrival, assignment.document)
    )
    result += [assignment for assignment in rest if _place(assignment, which) is None]
    placed = [
        (place, assignment)
        for assignment in rest
        if (place := _place(assignment, which)) is not None
    ]
    for place, assignment in sorted(placed, key=lambda pair: pair[0]):
        result.insert(place - 1, assignment)
    return result


def _place(assignment: Assignment, which: OrderedList) -> int | None:
    return (
        assignment.start_page_order
        if which is OrderedList.START_PAGE
        else assignment.contact_card_order
    )
