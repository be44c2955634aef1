"""Groups of clinics: a list of clinics, or a rule that clinics fit.

Earlier versions of a group can still be read.
"""

from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.assigning import assign_to_new_members
from store.clinics.filters import ClinicFilter
from store.clinics.selectors import ClinicSelector, open_group, resolve_clinics
from store.clinics.validity import close_rows, open_row, valid_at
from store.documents.publishing import next_position
from store.idempotency import IdempotencyKey
from store.log.log import Log, utc_now
from store.mongo.connection import Database
from store.mongo.indexes import SWEDISH
from store.mongo.keyset_queries import find_page
from store.mongo.rows import clinic_from, group_from, group_row
from store.mongo.transactions import Transaction
from store.paging import Page, Paging
from store.records import Act, Action, Clinic, ClinicGroup, ClinicRule, ClinicStatus, Saved


class Groups:
    """The groups of one registry."""

    def __init__(
        self, database: Database, log: Log, *, extra_hsa_prefixes: tuple[str, ...] = ()
    ) -> None:
        self._database = database
        self._log = log
        self._extra_hsa_prefixes = extra_hsa_prefixes

    async def get_many(self, ids: Iterable[str]) -> Mapping[str, ClinicGroup]:
        """The current groups by id, in one round trip."""
        rows = await self._database.find(
            "groups", {"group": {"$in": sorted(set(ids))}, "open": True}
        )
        return {row["group"]: group_from(row) for row in rows}

    async def page(self, principal: str, paging: Paging) -> Page[ClinicGroup]:
        """A page of a principal's groups, by name in Swedish order."""
        keys = {"name": str, "_id": str}
        where = {"principal": principal, "open": True}
        return await find_page(
            self._database,
            "groups",
            where,
            paging,
            keys=keys,
            convert=group_from,
            collation=SWEDISH,
        )

    async def count(self, principal: str) -> int:
        """The number of groups of a principal."""
        return await self._database.count("groups", {"principal": principal, "open": True})

    async def of_clinics(
        self, clinics: Sequence[Clinic], sequence: int | None = None
    ) -> Mapping[str, Sequence[ClinicGroup]]:
        """The groups that each clinic is in, by key of the clinic, the last saved first.

        `members` of the returned groups has only the given clinics.

        Args:
            clinics: Of one principal, as they were at that event.
            sequence: Just after this event of the principal's log; None for now.
        """
        principals = {clinic.principal for clinic in clinics}
        keys = [clinic.key for clinic in clinics]
        rows = await self._database.find(
            "groups",
            {
                "$and": [
                    {"principal": {"$in": sorted(principals)}},
                    {"$or": [{"members": {"$in": keys}}, {"members": None}]},
                    valid_at(sequence),
                ]
            },
            sort=[("from_sequence", -1)],
            # A group can list thousands of clinics; only the given ones are read.
            projection={
                "group": 1,
                "principal": 1,
                "name": 1,
                "rule": 1,
                "members": {"$setIntersection": ["$members", keys]},
            },
        )
        groups = [group_from(row) for row in rows]
        return {
            clinic.key: [group for group in groups if _is_in(clinic, group)] for clinic in clinics
        }

    def filter_of(self, group: ClinicGroup) -> ClinicFilter:
        """The filter for the clinics of a group."""
        if group.members is not None:
            return ClinicFilter(principal=group.principal, keys=group.members)
        return ClinicFilter.of_rule(group.rule or ClinicRule(), group.principal)

    async def save(
        self,
        principal: str,
        group_id: str | None,
        *,
        name: str,
        members: ClinicSelector | None,
        rule: ClinicRule | None,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Create or change a group.

        Case types that are distributed to a group with a rule are assigned to the clinics that fit
        only the new rule. When a group gets a list instead of a rule, its standing distributions
        end: later members receive nothing.

        Args:
            principal: Key of the group's principal.
            group_id: None for a new group.
            name: Not blank.
            members: The listed clinics; None for a rule.
            rule: The rule; None for a list.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            `target` is the group's id. No event where nothing changed.

        Raises:
            NotFound: The principal has no such group.
            RowsRefused: Listed clinics are unknown, of another principal, or duplicates. Nothing
                was written.
        """

        async def change(transaction: Transaction) -> Saved:
            before = (
                await open_group(transaction, group_id, principal, ("id",))
                if group_id is not None
                else None
            )
            listed = None
            if members is not None:
                resolved = await resolve_clinics(
                    transaction,
                    members,
                    principal,
                    transaction.at,
                    self._extra_hsa_prefixes,
                    include_ended=True,
                )
                resolved.raise_if_refused(members)
                listed = list(resolved.clinics)
            group = ClinicGroup(
                before.id if before else f"gr_{ObjectId()}", principal, name, listed, rule
            )
            if group == before:
                return Saved(target=group.id)
            position = next_position(transaction)
            row = {"_id": str(ObjectId())} | group_row(group) | open_row(position)
            transaction.write("groups", close_rows({"group": group.id}, position), InsertOne(row))
            if rule is None:
                transaction.write("standing", close_rows({"group": group.id}, position))
            event = transaction.record(
                act,
                Action.GROUPED,
                group=group.id,
                counts={"clinics": len(listed)} if listed is not None else {},
            )
            if before is not None:
                await _assign_to_new_clinics(transaction, act, before, group)
            return Saved(event=event, target=group.id)

        return await self._log.submit(principal, change, key=key, alone=True)


async def _assign_to_new_clinics(
    transaction: Transaction, act: Act, before: ClinicGroup, group: ClinicGroup
) -> None:
    """Stage the case types of clinics that fit the new rule of a group but not the earlier one."""
    if group.rule is None or before.rule is None or group.rule == before.rule:
        return
    standing = await transaction.find(
        "standing", {"group": group.id, "open": True}, sort=[("from_sequence", 1), ("_id", 1)]
    )
    if not standing:
        return
    now, then = (ClinicFilter.of_rule(rule, group.principal) for rule in (group.rule, before.rule))
    active = ClinicFilter(statuses=[ClinicStatus.ACTIVE])
    rows = await transaction.find(
        "clinics", {"$and": [now.where(transaction.at), active.where(transaction.at)]}
    )
    joining = [
        clinic.key for clinic in map(clinic_from, rows) if not then.matches(clinic, transaction.at)
    ]
    await assign_to_new_members(transaction, act, standing, {group.id: joining})


def _is_in(clinic: Clinic, group: ClinicGroup) -> bool:
    if group.principal != clinic.principal:
        return False
    if group.members is not None:
        return clinic.key in group.members
    # A rule has no condition on dates, so any time gives the same result.
    return group.rule is not None and ClinicFilter.of_rule(group.rule, group.principal).matches(
        clinic, utc_now()
    )
