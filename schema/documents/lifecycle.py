"""Publishing, activating, deactivating, restoring and archiving documents of every kind."""

import strawberry

from resolvers.documents import documents
from schema.documents.conversion import document_of
from schema.documents.documents import Document
from schema.errors import Info, UserError, mutation
from schema.inputs import (
    ERRORS,
    EVENT,
    EXPECTED_VERSION,
    IDEMPOTENCY_KEY,
    NOTE,
    InputArgument,
    key_of_call,
)
from schema.log.events import Event
from store import records


@strawberry.input(description="The version to publish.")
class DocumentPublishInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    version: int = strawberry.field(
        description="Number of the version to publish: the newest or an earlier one."
    )
    expected_version: int = strawberry.field(description=EXPECTED_VERSION)
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="The document whose state changes.")
class DocumentLifecycleInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    expected_version: int = strawberry.field(description=EXPECTED_VERSION)
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="The version to restore.")
class DocumentRestoreInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    version: int = strawberry.field(
        description="Number of the version whose content is written as a new version."
    )
    expected_version: int = strawberry.field(description=EXPECTED_VERSION)
    publish: bool | None = strawberry.field(
        default=False, description="Publish the new version in the same transaction."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(
    description="The result of a change to a document. With errors, nothing was written."
)
class DocumentPayload:
    document: Document | None = strawberry.field(
        default=None, description="The document after the change."
    )
    event: Event | None = strawberry.field(default=None, description=EVENT)
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


def payload_of(saved: records.Saved, info: Info) -> DocumentPayload:
    """Convert the result of a write to the payload."""
    return DocumentPayload(
        document=document_of(saved.document, info) if saved.document else None,
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class DocumentMutation:
    @mutation(
        DocumentPayload,
        "Publishes a version and notifies the clinics that have the document. Nothing changes if"
        " the version is published already.",
    )
    async def document_publish(
        self, info: Info, input: InputArgument[DocumentPublishInput]
    ) -> DocumentPayload:
        saved = await documents.publish(
            info.context,
            input.id,
            version=input.version,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload_of(saved, info)

    @mutation(
        DocumentPayload, "Shows a deactivated document to residents again and notifies the clinics."
    )
    async def document_activate(
        self, info: Info, input: InputArgument[DocumentLifecycleInput]
    ) -> DocumentPayload:
        saved = await documents.activate(
            info.context,
            input.id,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input, "activate"),
        )
        return payload_of(saved, info)

    @mutation(
        DocumentPayload,
        "Hides an active document from residents. Clinics keep the document and are notified.",
    )
    async def document_deactivate(
        self, info: Info, input: InputArgument[DocumentLifecycleInput]
    ) -> DocumentPayload:
        saved = await documents.deactivate(
            info.context,
            input.id,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input, "deactivate"),
        )
        return payload_of(saved, info)

    @mutation(
        DocumentPayload,
        "Writes the content of an earlier version as a new version. The published version stays"
        " published, unless `publish` is set. An archived document leaves the archive, and clinics"
        " that get it back are notified.",
    )
    async def document_restore(
        self, info: Info, input: InputArgument[DocumentRestoreInput]
    ) -> DocumentPayload:
        saved = await documents.restore(
            info.context,
            input.id,
            version=input.version,
            expected_version=input.expected_version,
            publish=bool(input.publish),
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload_of(saved, info)

    @mutation(
        DocumentPayload,
        "Archives a document. Clinics that have it lose it and are notified. Afterwards it can only"
        " be read or restored.",
    )
    async def document_archive(
        self, info: Info, input: InputArgument[DocumentLifecycleInput]
    ) -> DocumentPayload:
        saved = await documents.archive(
            info.context,
            input.id,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input, "archive"),
        )
        return payload_of(saved, info)
