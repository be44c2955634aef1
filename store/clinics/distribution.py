"""Distributes case types to clinics and withdraws them; clinics follow, show and hide them.

Each method is one act in one transaction: all of it or nothing. The clinics are resolved inside the
transaction, so a clinic that is imported at the same moment is either among them or joins its
groups afterwards.
"""

from collections.abc import Sequence

from pymongo import InsertOne

from store.clinics.assigning import (
    AssignmentOptions,
    assign,
    current_assignments,
    record_assignment_event,
    with_activation,
)
from store.clinics.distribution_checks import require_distributable, require_local
from store.clinics.selectors import ClinicSelector, ResolvedClinics, resolve_clinics
from store.clinics.standing_distributions import open_standing
from store.clinics.validity import close_rows
from store.documents import heads
from store.documents.archiving import archive
from store.documents.publishing import next_position
from store.errors import InvalidInput, NotFound, NotPermitted
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kinds
from store.log.log import Clock, Log, utc_now
from store.mongo.connection import Database
from store.mongo.rows import assignment_row, clinic_from
from store.mongo.transactions import Transaction
from store.records import (
    Act,
    Action,
    AssignmentOrigin,
    Clinic,
    ClinicStatus,
    Document,
    Saved,
)


class Distribution:
    """Distribution of case types in one registry.

    Args:
        database: Of the registry.
        log: Applies the changes.
        kinds: Of documents.
        clock: The current time, in UTC.
        extra_hsa_prefixes: Of test ids that break the pattern of HSA-ids.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        kinds: Kinds,
        clock: Clock = utc_now,
        *,
        extra_hsa_prefixes: tuple[str, ...] = (),
    ) -> None:
        self._database = database
        self._log = log
        self._kinds = kinds
        self._clock = clock
        self._extra_hsa_prefixes = extra_hsa_prefixes

    async def resolve(self, selector: ClinicSelector, principal: str) -> ResolvedClinics:
        """Resolve a selector as a distribution would now, without writing.

        Args:
            selector: The clinics that the caller selected.
            principal: Key of the case type's principal.

        Raises:
            NotFound: The principal has no such group.
        """
        return await resolve_clinics(
            self._database, selector, principal, self._clock(), self._extra_hsa_prefixes
        )

    async def distribute(
        self,
        document: Document,
        to: ClinicSelector,
        *,
        replace_local: Sequence[str] = (),
        start_page_order: int | None = None,
        contact_card_order: int | None = None,
        skip_refused: bool = False,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Distribute a case type to clinics of its principal: one act, one event.

        A distribution to a group with a rule stands: clinics that fit the rule later receive the
        case type as well.

        Args:
            document: As last read; the transaction reads it again.
            to: The clinics.
            replace_local: Ids of local case types of these clinics, archived in the same act.
            start_page_order: The position on the clinics' start pages, from 1; None for last.
            contact_card_order: The position on their contact cards, from 1; None for last.
            skip_refused: Leave refused rows out instead of refusing the call.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The document; `counts` of `clinics` that received it now and of case types `replaced`;
            the skipped rows. No event where nothing changed.

        Raises:
            RowsRefused: Rows cannot be distributed to. Nothing was written.
            NotFound: The principal has no such group.
            InvalidInput: A case type to replace is not a local case type of these clinics.
            WrongState: The case type was never published, or is archived.
        """

        async def change(transaction: Transaction) -> Saved:
            head = require_distributable(transaction.document(document.id))
            resolved = await resolve_clinics(
                transaction, to, head.principal, transaction.at, self._extra_hsa_prefixes
            )
            if not skip_refused:
                resolved.raise_if_refused(to)
            replaced = require_local(transaction, replace_local, resolved.clinics)
            options = AssignmentOptions(
                AssignmentOrigin.DISTRIBUTED, start_page_order, contact_card_order, to.group
            )
            assignments = await assign(transaction, act, head, resolved.clinics, options)
            stands = await open_standing(transaction, head, resolved, options)
            counts = {"clinics": len(assignments), "replaced": len(replaced)}
            skipped = tuple(resolved.refused)
            if not assignments and not replaced and not stands:
                return Saved(document=head, skipped=skipped, counts=counts)
            head, event = record_assignment_event(
                transaction,
                act,
                Action.DISTRIBUTED,
                head,
                [assignment.clinic for assignment in assignments],
                counts,
                group=to.group,
            )
            for local in replaced:
                archive(transaction, act, Action.REPLACED, self._kinds[local.kind], local)
            return Saved(document=head, event=event, skipped=skipped, counts=counts)

        documents = [document.id, *replace_local]
        return await self._log.submit(
            document.principal, change, documents=documents, key=key, alone=True
        )

    async def withdraw(
        self,
        document: Document,
        from_: ClinicSelector,
        *,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Withdraw a case type from clinics, distributed or followed.

        Clinics without it do not change. After a withdrawal from a group with a rule, clinics that
        fit the rule later do not receive it.

        Returns:
            The document and `counts` of `clinics` that lost it. No event where nothing changed.

        Raises:
            RowsRefused: Rows are not clinics of the principal, or are duplicates. Nothing was
                written.
            NotFound: The principal has no such group.
            WrongState: The case type is archived: no clinic has it, and restoring it assigns it
                again to the clinics that had it.
        """

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.refuse_archived(head, ("caseType",))
            resolved = await resolve_clinics(
                transaction,
                from_,
                head.principal,
                transaction.at,
                self._extra_hsa_prefixes,
                include_ended=True,
            )
            resolved.raise_if_refused(from_)
            holders = sorted(await current_assignments(transaction, head.id, resolved.clinics))
            standing = {"document": head.id, "group": from_.group}
            stands = resolved.rule_group is not None and bool(
                await transaction.find("standing", {**standing, "open": True})
            )
            counts = {"clinics": len(holders), "replaced": 0}
            if not holders and not stands:
                return Saved(document=head, counts=counts)
            position = next_position(transaction)
            transaction.write(
                "assignments",
                close_rows({"document": head.id, "clinic": {"$in": holders}}, position),
            )
            if stands:
                transaction.write("standing", close_rows(standing, position))
            head, event = record_assignment_event(
                transaction, act, Action.WITHDRAWN, head, holders, counts, group=from_.group
            )
            return Saved(document=head, event=event, counts=counts)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def follow(
        self, document: Document, clinic: Clinic, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """Let a clinic follow a case type of its principal.

        Returns:
            The document; `target` is the assignment's id. No event where the clinic has the case
            type already.

        Raises:
            WrongState: The case type was never published, or is archived.
            InvalidInput: The clinic is not active.
        """

        async def change(transaction: Transaction) -> Saved:
            head = require_distributable(transaction.document(document.id))
            [row] = await transaction.find("clinics", {"_id": clinic.key})
            if clinic_from(row).status_at(transaction.at) is not ClinicStatus.ACTIVE:
                raise InvalidInput.at(
                    ("clinic",), "CLINIC_NOT_ACTIVE", "Mottagningen är inte aktiv."
                )
            options = AssignmentOptions(AssignmentOrigin.FOLLOWED)
            assignments = await assign(transaction, act, head, [clinic.key], options)
            if not assignments:
                current = await current_assignments(transaction, head.id, [clinic.key])
                return Saved(document=head, target=current[clinic.key].id)
            head, event = record_assignment_event(
                transaction, act, Action.FOLLOWED, head, [clinic.key], {}
            )
            return Saved(document=head, event=event, target=assignments[0].id)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def unfollow(
        self, document: Document, clinic: Clinic, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """Let a clinic stop following a case type.

        Returns:
            The document; `target` is the id of the assignment that has ended. No event where the
            clinic does not have the case type.

        Raises:
            NotPermitted: It was distributed: only its principal can withdraw it.
        """

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            current = await current_assignments(transaction, head.id, [clinic.key])
            assignment = current.get(clinic.key)
            if assignment is None:
                return Saved(document=head)
            if assignment.origin is not AssignmentOrigin.FOLLOWED:
                raise NotPermitted(
                    "Ärendetypen är utdelad av huvudmannen och kan bara återkallas av den.",
                    ("caseType",),
                )
            transaction.write(
                "assignments", close_rows({"_id": assignment.id}, next_position(transaction))
            )
            head, event = record_assignment_event(
                transaction, act, Action.UNFOLLOWED, head, [clinic.key], {}
            )
            return Saved(document=head, event=event, target=assignment.id)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def show(
        self,
        document: Document,
        clinic: Clinic,
        *,
        shown: bool,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Show a case type to residents at one clinic, or hide it there.

        Returns:
            The document; `target` is the id of the current assignment. No event where nothing
            changed.

        Raises:
            NotFound: The clinic does not have it.
        """

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            current = await current_assignments(transaction, head.id, [clinic.key])
            before = current.get(clinic.key)
            if before is None:
                raise NotFound("Mottagningen har inte ärendetypen.", ("clinic",))
            if before.active is shown:
                return Saved(document=head, target=before.id)
            after = with_activation(before, transaction, act, active=shown)
            transaction.write(
                "assignments",
                close_rows({"_id": before.id}, next_position(transaction)),
                InsertOne(assignment_row(after)),
            )
            action = Action.ACTIVATED if shown else Action.DEACTIVATED
            head, event = record_assignment_event(transaction, act, action, head, [clinic.key], {})
            return Saved(document=head, event=event, target=after.id)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )
