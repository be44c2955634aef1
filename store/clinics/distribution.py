"""Handing case types to clinics and taking them back: each one act, all or nothing, in one
transaction.

The clinics are chosen inside the transaction: a clinic that is imported at the same moment is
either chosen or joins after.
"""

from collections.abc import Sequence

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.assigning import Terms, assign, at_clinics, moved, told
from store.clinics.selections import Chosen, Selection, choose
from store.clinics.validity import close_rows, open_row
from store.documents import heads
from store.documents.publishing import archived, next_position
from store.errors import InvalidInput, NotFound, NotPermitted, Problem, WrongState
from store.kinds.kinds import Kinds
from store.log.log import Log
from store.mongo.rows import assignment_row, clinic_from
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import (
    Act,
    Action,
    AssignmentOrigin,
    Clinic,
    ClinicStatus,
    Document,
    DocumentState,
    OwnerKind,
    Saved,
)


class Distribution:
    """The acts that bring case types to the clinics of one registry."""

    def __init__(self, log: Log, kinds: Kinds, *, extra_hsa_prefixes: tuple[str, ...] = ()) -> None:
        self._log = log
        self._kinds = kinds
        self._extra_hsa_prefixes = extra_hsa_prefixes

    async def distribute(
        self,
        document: Document,
        to: Selection,
        *,
        replace_local: Sequence[str] = (),
        start_page_order: int | None = None,
        contact_card_order: int | None = None,
        skip_refused: bool = False,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Hand a case type to clinics of its principal: one act, one event. To a group by rule it
        stays handed, also as the group grows.

        Args:
            document: As last read; the transaction reads it again.
            to: Which clinics.
            replace_local: Ids of local case types of these clinics that give way: archived in the
                same act.
            start_page_order: Its place on the clinics' start pages.
            contact_card_order: Its place on their contact cards.
            skip_refused: Leave refused rows out instead of refusing all.
            act: Who writes and why.
            key: For a safe repeat.

        Returns:
            The document, `counts` of `clinics` that received it now and case types `replaced`, the
            rows skipped; no event where nothing changed.

        Raises:
            RowsRefused: Rows can't be distributed to. Nothing was written.
            InvalidInput: A case type to replace is no local one of these clinics.
            WrongState: It was never published, or is archived.
        """

        async def change(transaction: Transaction) -> Saved:
            head = _to_hand_out(transaction.document(document.id))
            chosen = await choose(
                transaction.find, to, head.principal, transaction.at, self._extra_hsa_prefixes
            )
            if not skip_refused:
                chosen.or_refuse(to)
            gone = _to_replace(transaction, replace_local, chosen.clinics)
            terms = Terms(
                AssignmentOrigin.DISTRIBUTED, start_page_order, contact_card_order, to.group
            )
            made = await assign(transaction, act, head, chosen.clinics, terms)
            lasts = await _begin_standing(transaction, head, chosen, terms)
            counts = {"clinics": len(made), "replaced": len(gone)}
            if not made and not gone and not lasts:
                return Saved(document=head, skipped=tuple(chosen.refused), counts=counts)
            head, event = told(
                transaction,
                act,
                Action.DISTRIBUTED,
                head,
                [one.clinic for one in made],
                counts,
                group=to.group,
            )
            for local in gone:
                archived(transaction, act, Action.REPLACED, self._kinds[local.kind], local)
            return Saved(document=head, event=event, skipped=tuple(chosen.refused), counts=counts)

        documents = [document.id, *replace_local]
        return await self._log.submit(
            document.principal, change, documents=documents, key=key, alone=True
        )

    async def withdraw(
        self, document: Document, clinics: Selection, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """Take a case type back from clinics, however it came there; those without it are left as
        they are.

        Taken back from a group by rule, it reaches no later members either.

        Raises:
            RowsRefused: Rows are no clinics of the principal, or stand twice. Nothing was written.
            WrongState: It is archived: no clinic has it, and restoring it gives it back to those
                that had it.
        """

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.refuse_archived(head, ("caseType",))
            chosen = await choose(
                transaction.find,
                clinics,
                head.principal,
                transaction.at,
                self._extra_hsa_prefixes,
                ended_too=True,
            )
            chosen.or_refuse(clinics)
            have = sorted(await at_clinics(transaction, head.id, chosen.clinics))
            standing = {"document": head.id, "group": clinics.group}
            lasting = bool(
                chosen.live and await transaction.find("standing", {**standing, "open": True})
            )
            counts = {"clinics": len(have), "replaced": 0}
            if not have and not lasting:
                return Saved(document=head, counts=counts)
            position = next_position(transaction)
            transaction.write(
                "assignments", close_rows({"document": head.id, "clinic": {"$in": have}}, position)
            )
            if lasting:
                transaction.write("standing", close_rows(standing, position))
            head, event = told(
                transaction, act, Action.WITHDRAWN, head, have, counts, group=clinics.group
            )
            return Saved(document=head, event=event, counts=counts)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def follow(
        self, document: Document, clinic: Clinic, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """A clinic opts in to a case type of its principal; `target` is the assignment's id. No
        change where it has it already.

        Raises:
            WrongState: It was never published, or is archived.
            InvalidInput: The clinic is not active.
        """

        async def change(transaction: Transaction) -> Saved:
            head = _to_hand_out(transaction.document(document.id))
            [row] = await transaction.find("clinics", {"_id": clinic.key})
            if clinic_from(row).status_at(transaction.at) is not ClinicStatus.ACTIVE:
                raise InvalidInput.at(
                    ("clinic",), "CLINIC_NOT_ACTIVE", "Mottagningen är inte aktiv."
                )
            made = await assign(
                transaction, act, head, [clinic.key], Terms(AssignmentOrigin.FOLLOWED)
            )
            if not made:
                return Saved(
                    document=head,
                    target=(await at_clinics(transaction, head.id, [clinic.key]))[clinic.key].id,
                )
            head, event = told(transaction, act, Action.FOLLOWED, head, [clinic.key], {})
            return Saved(document=head, event=event, target=made[0].id)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def unfollow(
        self, document: Document, clinic: Clinic, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """A clinic opts out again; `target` is the ended assignment's id. No change where it does
        not have the case type.

        Raises:
            NotPermitted: It was distributed: only its principal takes it back.
        """

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            have = (await at_clinics(transaction, head.id, [clinic.key])).get(clinic.key)
            if have is None:
                return Saved(document=head)
            if have.origin is not AssignmentOrigin.FOLLOWED:
                raise NotPermitted(
                    "Ärendetypen är utdelad av huvudmannen och kan bara återkallas av den.",
                    ("caseType",),
                )
            transaction.write(
                "assignments", close_rows({"_id": have.id}, next_position(transaction))
            )
            head, event = told(transaction, act, Action.UNFOLLOWED, head, [clinic.key], {})
            return Saved(document=head, event=event, target=have.id)

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
        """Show a case type to residents at one clinic, or hide it there; `target` is the
        assignment's id. No change where it is so already.

        Raises:
            NotFound: The clinic does not have it.
        """

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            have = (await at_clinics(transaction, head.id, [clinic.key])).get(clinic.key)
            if have is None:
                raise NotFound("Mottagningen har inte ärendetypen.", ("clinic",))
            if have.active is shown:
                return Saved(document=head, target=have.id)
            after = moved(have, transaction, act, active=shown)
            transaction.write(
                "assignments",
                close_rows({"_id": have.id}, next_position(transaction)),
                InsertOne(assignment_row(after)),
            )
            head, event = told(
                transaction,
                act,
                Action.ACTIVATED if shown else Action.DEACTIVATED,
                head,
                [clinic.key],
                {},
            )
            return Saved(document=head, event=event, target=after.id)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )


def _to_hand_out(head: Document) -> Document:
    heads.refuse_archived(head, ("caseType",))
    if head.published is None:
        raise WrongState(
            "Publicera ärendetypen innan den delas ut.", DocumentState.DRAFT, ("caseType",)
        )
    return head


def _to_replace(
    transaction: Transaction, ids: Sequence[str], clinics: Sequence[str]
) -> list[Document]:
    """The local case types to archive.

    Raises:
        InvalidInput: One is none of these clinics', or is archived already; each with its place.
    """
    receiving = set(clinics)
    found = []
    problems = []
    seen: set[str] = set()
    for index, document_id in enumerate(ids):
        head = transaction.document(document_id)
        if head.owner.kind is not OwnerKind.CLINIC or head.owner.key not in receiving:
            problems.append(
                Problem(
                    "NOT_LOCAL_THERE",
                    "Ange lokala ärendetyper hos de mottagningar som valts.",
                    ("replaceLocal", str(index)),
                )
            )
        elif head.state is DocumentState.ARCHIVED or document_id in seen:
            problems.append(
                Problem(
                    "ARCHIVED_ALREADY",
                    "Ärendetypen är redan arkiverad eller står två gånger.",
                    ("replaceLocal", str(index)),
                )
            )
        found.append(head)
        seen.add(document_id)
    if problems:
        raise InvalidInput(problems)
    return found


async def _begin_standing(
    transaction: Transaction, head: Document, chosen: Chosen, terms: Terms
) -> bool:
    """Note that a case type is handed to a group by rule as such.

    False where it is so already, or the clinics were chosen otherwise.
    """
    if chosen.live is None or await transaction.find(
        "standing", {"document": head.id, "group": chosen.live.id, "open": True}
    ):
        return False
    row = {
        "_id": f"sd_{ObjectId()}",
        "principal": head.principal,
        "document": head.id,
        "group": chosen.live.id,
        "start_page_order": terms.start_page_order,
        "contact_card_order": terms.contact_card_order,
    }
    transaction.write("standing", InsertOne(row | open_row(next_position(transaction))))
    return True
