"""Local adaptations: versioned documents with what a clinic adds to a central case type.

The id is made of the ids of the case type and the clinic, so a clinic has at most one adaptation of
each case type. An adaptation is kept when the case type is withdrawn, and applies again when the
clinic gets the case type back. Changes to the central case type never change it.
"""

from dataclasses import replace

from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.heads import NewDocument
from store.documents.publishing import next_position, put_in_force
from store.errors import InvalidInput, NotFound
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kind
from store.log.log import Log
from store.mongo.transactions import Transaction
from store.records import (
    Act,
    Action,
    Clinic,
    Content,
    Document,
    DocumentState,
    Owner,
    OwnerKind,
    Saved,
)


def adaptation_id(case_type: str, clinic: str) -> str:
    """The id of a clinic's adaptation of a case type.

    Args:
        case_type: Its id.
        clinic: The clinic's key.
    """
    return f"la_{case_type.partition('_')[2]}_{clinic}"


class Adaptations:
    """The local adaptations of one registry."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def save(
        self,
        kind: Kind,
        case_type: Document,
        clinic: Clinic,
        *,
        content: Content,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Save the next version of a clinic's adaptation and publish it.

        It is written for the published version of the case type. A deactivated adaptation becomes
        active again.

        Args:
            kind: Of adaptations; its content has a field `writtenFor`.
            case_type: A central case type.
            clinic: A clinic that has it.
            content: The whole new content without `writtenFor`.
            expected_version: The number that the caller last read; 0 for the first version.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The stored version. Where the content is equal and written for the same version: the
            latest version, and no event.

        Raises:
            VersionConflict: Someone saved first. Nothing was written.
            NotFound: A version is expected, but there is no adaptation yet.
            InvalidInput: The clinic does not have the case type.
            WrongState: The adaptation is archived.
        """
        document_id = adaptation_id(case_type.id, clinic.key)

        async def change(transaction: Transaction) -> Saved:
            central = transaction.document(case_type.id)
            if not await transaction.find(
                "assignments", {"clinic": clinic.key, "document": central.id, "open": True}
            ):
                raise InvalidInput.at(
                    ("caseType",), "NOT_ASSIGNED", "Mottagningen har inte ärendetypen."
                )
            written = {"writtenFor": central.published, **content}
            before = await transaction.find_document(document_id)
            position = next_position(transaction)
            if before is None:
                if expected_version != 0:
                    raise NotFound(
                        "Mottagningen har ingen anpassning ännu. Ange version 0.",
                        ("expectedVersion",),
                    )
                new_document = NewDocument(
                    document_id,
                    kind,
                    central.principal,
                    Owner(OwnerKind.CLINIC, clinic.key),
                    subject=central.id,
                )
                head, version = heads.created(
                    new_document, written, derived_from=None, act=act, position=position
                )
            else:
                heads.expect(before, expected_version)
                heads.refuse_archived(before, ("caseType",))
                head = replace(before, state=DocumentState.ACTIVE) if before.published else before
                if written == kind.upcast(before.content, before.schema_version):
                    version = await transaction.version(before.id, before.latest)
                    if head == before and before.published == before.latest:
                        return Saved(document=before, version=version)
                else:
                    head, version = heads.revised(
                        kind, head, written, act=act, position=position, derived_from=None
                    )
            if before is None:
                transaction.add_version(version, ())
            elif version.number > before.latest:
                transaction.add_version(
                    version,
                    changed_paths(
                        kind.upcast(before.content, before.schema_version), written, kind.fields
                    ),
                )
            return await put_in_force(
                transaction, act, Action.ADAPTED, kind, head, version.number, before=before or head
            )

        return await self._log.submit(
            case_type.principal, change, documents=[case_type.id, document_id], key=key, alone=True
        )
