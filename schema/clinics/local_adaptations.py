"""Local adaptations: the replies and terms that clinics add to central case types."""

from typing import Any, Self

import strawberry

from resolvers.clinics import local_adaptations as resolve
from resolvers.kinds.local_adaptations import LOCAL_ADAPTATION
from schema.clinics.clinics import Clinic
from schema.documents.documents import Document, Version, document_fields
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, InputArgument, as_json, key_of_call
from schema.kinds.case_type_content import (
    StandardReply,
    StandardReplyInput,
    TermsSection,
    TermsSectionInput,
)
from schema.kinds.case_types import CaseType
from schema.kinds.content_types import ContentTypes
from schema.kinds.kind_types import document_type, version_type
from schema.log.events import Event
from schema.scalars import HsaId, Markdown
from store import records
from store.records import Content


@strawberry.type(description="The replies and terms that a clinic adds to a central case type.")
class LocalAdaptationContent:
    standard_replies: list[StandardReply] = strawberry.field(
        description="The clinic's own reply texts for staff."
    )
    terms: list[TermsSection] = strawberry.field(
        description="The clinic's own terms, shown after the central ones."
    )

    @classmethod
    def of(cls, content: Content) -> "LocalAdaptationContent":
        return cls(
            standard_replies=[
                StandardReply(
                    key=reply["key"], label=reply["label"], text=reply["text"], local=True
                )
                for reply in content["standardReplies"]
            ],
            terms=[
                TermsSection(
                    key=section["key"],
                    heading=section["heading"],
                    text=Markdown(section["text"]),
                    must_accept=section["mustAccept"],
                    local=True,
                )
                for section in content["terms"]
            ],
        )


CONTENT_TYPES = ContentTypes(LOCAL_ADAPTATION, LocalAdaptationContent, LocalAdaptationContent.of)


@version_type(CONTENT_TYPES, "An immutable version of a local adaptation.")
class LocalAdaptationVersion(Version):
    @strawberry.field(description="The version of the central case type that it was written for.")
    def written_for(self) -> int:
        written_for: int = LOCAL_ADAPTATION.upcast(self.record.content, self.record.schema_version)[
            "writtenFor"
        ]
        return written_for


async def _name(root: strawberry.Parent["LocalAdaptation"], info: Info) -> str:
    return (await root.central(info)).name


async def _internal_name(root: strawberry.Parent["LocalAdaptation"], info: Info) -> str:
    return (await root.central(info)).internal_name


@document_type(
    CONTENT_TYPES,
    LocalAdaptationVersion,
    "A clinic's own replies and terms on a central case type (lokal anpassning). A central update"
    " never changes it.",
)
class LocalAdaptation(Document):
    name: str = strawberry.field(resolver=_name, description="The name of its case type.")
    internal_name: str = strawberry.field(
        resolver=_internal_name, description="The internal name of its case type."
    )

    @classmethod
    def of(cls, record: records.Summary, info: Info) -> Self:
        fields = document_fields(record, info)
        return cls(
            **{
                name: value
                for name, value in fields.items()
                if name not in {"name", "internal_name"}
            }
        )

    @strawberry.field(description="The clinic that it belongs to.")
    async def clinic(self, info: Info) -> Clinic:
        found = await info.context.loaders.clinics.load(self.record.owner.key)
        if found is None:
            raise LookupError(f"clinic of {self.record.id}")
        return Clinic.of(found)

    @strawberry.field(description="The central case type that it adds to.")
    async def case_type(self, info: Info) -> CaseType:
        return CaseType.of(await self.central(info), info)

    @strawberry.field(
        description=(
            "Whether the central case type has a newer published version than the one that the"
            " adaptation was written for. Saving the adaptation again sets this to false."
        )
    )
    async def needs_review(self, info: Info) -> bool:
        central = await self.central(info)
        written_for: int = LOCAL_ADAPTATION.in_force(self.record)["writtenFor"]
        return central.published is not None and central.published > written_for

    async def central(self, info: Info) -> records.Document:
        """The record of the central case type."""
        found = await resolve.case_type_of(info.context, self.record)
        if found is None:
            raise LookupError(f"case type of {self.record.id}")
        return found


@strawberry.input(
    description=(
        "All replies and terms that a clinic adds to a central case type. They replace the earlier"
        " ones."
    )
)
class LocalAdaptationSaveInput:
    clinic: HsaId = strawberry.field(description="The clinic.")
    case_type: strawberry.ID = strawberry.field(
        description="A central case type that the clinic has."
    )
    expected_version: int = strawberry.field(
        description="Number of the newest version that the caller has read; 0 for the first one."
    )
    standard_replies: list[Any] = strawberry.field(
        graphql_type=list[StandardReplyInput],  # type: ignore[valid-type] # a generated class
        description="The clinic's own reply texts; at most 200.",
    )
    terms: list[Any] = strawberry.field(
        graphql_type=list[TermsSectionInput],  # type: ignore[valid-type] # a generated class
        description="The clinic's own terms; at most 100 sections.",
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(
    description="The result of saving an adaptation. With errors, nothing was written."
)
class LocalAdaptationPayload:
    local_adaptation: LocalAdaptation | None = strawberry.field(
        default=None, description="The adaptation after the change."
    )
    version: LocalAdaptationVersion | None = strawberry.field(
        default=None,
        description="The version that was written; the newest one if the content was unchanged.",
    )
    event: Event | None = strawberry.field(
        default=None, description="The event that was written to the log; null if nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written; empty on success."
    )


@strawberry.type
class AdaptationMutation:
    @mutation(
        LocalAdaptationPayload,
        "Saves a clinic's own replies and terms on a central case type. They are published at once"
        " and written for the published central version. `expectedVersion: 0` saves the first"
        " version.",
    )
    async def local_adaptation_save(
        self, info: Info, input: InputArgument[LocalAdaptationSaveInput]
    ) -> LocalAdaptationPayload:
        content: dict[str, Any] = {
            "standardReplies": as_json(input.standard_replies),
            "terms": as_json(input.terms),
        }
        saved = await resolve.save(
            info.context,
            input.clinic,
            input.case_type,
            content=content,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input),
        )
        return LocalAdaptationPayload(
            local_adaptation=LocalAdaptation.of(saved.document, info) if saved.document else None,
            version=LocalAdaptationVersion.of(saved.version) if saved.version else None,
            event=Event.of(saved.event) if saved.event else None,
        )
