"""Adopting a newer version of its template in a document, as one new draft version.

The new version is derived from the newer template version. The caller decides the content, from the
common version and the document. The published version does not change.
"""

from collections.abc import Callable

from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.publishing import next_position, record_event
from store.errors import InvalidInput
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kinds
from store.log.log import Log
from store.mongo.transactions import Transaction
from store.records import Act, Action, Content, Derivation, Document, Saved, Version

Merge = Callable[[Version, Document], Content]
"""Returns the next content for the common version and the document.

Raises MergeConflict or InvalidInput to refuse.
"""


def not_derived() -> InvalidInput:
    """Return the error for a document without a template that the viewer can see."""
    return InvalidInput.at(
        ("id",), "NOT_DERIVED", "Dokumentet utgår inte från någon mall som du kan se."
    )


def common_version(head: Document, theirs: Version) -> Derivation:
    """Return the template version that a document is derived from, if it can adopt a newer one.

    Args:
        head: The document.
        theirs: The template version to adopt.

    Raises:
        InvalidInput: The document is not derived from that template (`NOT_DERIVED`), or is derived
            from this version (`ADOPTED_ALREADY`) or from a later one (`OLDER_VERSION`).
        WrongState: The document is archived.
    """
    heads.refuse_archived(head)
    derived = head.derived_from
    if derived is None or derived.template != theirs.document:
        raise not_derived()
    if derived.version == theirs.number:
        raise InvalidInput.at(
            ("templateVersion",),
            "ADOPTED_ALREADY",
            f"Dokumentet utgår redan från version {theirs.number} av mallen.",
        )
    if derived.version > theirs.number:
        message = (
            f"Dokumentet utgår från version {derived.version} av mallen, som är nyare. Återställ en"
            " tidigare version av dokumentet i stället."
        )
        raise InvalidInput.at(("templateVersion",), "OLDER_VERSION", message)
    return derived


class TemplateAdoptions:
    """Adopts newer template versions in documents."""

    def __init__(self, log: Log, kinds: Kinds) -> None:
        self._log = log
        self._kinds = kinds

    async def adopt(
        self,
        document: Document,
        *,
        theirs: Version,
        merge: Merge,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Append the version in which a document adopts a newer template version.

        A version is written even where the content is equal: its derivation differs.

        Args:
            document: As last read; the transaction reads it again.
            theirs: The version of its template to adopt.
            merge: Decides the content.
            expected_version: The number that the caller last read, from 1.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The stored version, `number == expected_version + 1`, derived from `theirs`.

        Raises:
            VersionConflict: Someone saved first. Nothing was written.
            InvalidInput: See `common_version`; or the content is too large.
            MergeConflict: `merge` refused.
            WrongState: The document is archived.
        """
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            before = transaction.document(document.id)
            heads.expect(before, expected_version)
            derived = common_version(before, theirs)
            content = merge(await transaction.version(derived.template, derived.version), before)
            head, version = heads.revised(
                kind,
                before,
                content,
                act=act,
                position=next_position(transaction),
                derived_from=Derivation(theirs.document, theirs.number),
            )
            newest = kind.upcast(before.content, before.schema_version)
            transaction.add_version(version, changed_paths(newest, content, kind.fields))
            return record_event(
                transaction,
                act,
                Action.TEMPLATE_ADOPTED,
                head,
                version=version,
                number=version.number,
            )

        return await self._log.submit(document.principal, change, documents=[document.id], key=key)
