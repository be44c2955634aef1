"""Taking a newer version of its template over into a document: one new draft version, with its
derivation moved on.

What the content becomes the caller decides, from the version that both sides come from and the
document. What is in force
stays as it is.
"""

from collections.abc import Callable

from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.publishing import next_position, record_event
from store.errors import InvalidInput
from store.kinds.kinds import Kinds
from store.log.log import Log
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import Act, Action, Content, Derivation, Document, Saved, Version

Merge = Callable[[Version, Document], Content]
"""From the common version and the document to the next content; raises MergeConflict or
InvalidInput to refuse.
"""


def not_derived() -> InvalidInput:
    """The document comes from no template, or from none that the viewer may know of."""
    return InvalidInput.at(
        ("id",), "NOT_DERIVED", "Dokumentet utgår inte från någon mall som du kan se."
    )


def common_version(head: Document, theirs: Version) -> Derivation:
    """The template version that a document's newest version comes from, where another of that
    template can be taken over.

    Raises:
        InvalidInput: The document comes from no version of that template, or from this version, or
            from a later one.
        WrongState: It is archived.
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
    """What documents take over from their templates."""

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
        """Append the version that a newer template version is taken over with.

        There is a new version also where its content is equal: it comes from another version of the
        template.

        Args:
            document: As last read; the transaction reads it again.
            theirs: The version of its template to take over.
            merge: Decides the content.
            expected_version: The number that the caller last read, from 1.
            act: Who writes and why.
            key: For a safe repeat.

        Returns:
            The stored version, `number == expected_version + 1`, derived from `theirs`.

        Raises:
            VersionConflict: Someone saved first. Nothing was written.
            InvalidInput: See `common_version`.
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
