"""Terms texts: what residents read before they choose a clinic or book an appointment there."""

from typing import Annotated

import strawberry

from resolvers.kinds.terms_texts import TERMS_TEXT
from resolvers.pages import terms_texts
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.case_type_content import INTERNAL_NAME, LANGUAGE, NAME, RATIONALE
from schema.kinds.content_types import content_types_of
from schema.kinds.enums import TermsService
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type
from schema.scalars import HsaId, Markdown


@strawberry.type(description="The whole content of a version of a terms text.")
class TermsTextContent:
    name: str = strawberry.field(description=NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    service: TermsService = strawberry.field(description="The service that the text belongs to.")
    clinic_text: Markdown = strawberry.field(
        description=(
            "Text about the clinic. The first 300 characters are shown; the rest can be expanded."
        )
    )
    booking_concerns: Markdown = strawberry.field(
        description="The subject of the booking (bokningen avser); only for booking."
    )
    information_to_clinic: str = strawberry.field(
        description=(
            "The information that residents should give to the clinic: plain text, at most 150"
            " characters; only for booking."
        )
    )
    terms: Markdown = strawberry.field(
        description="The terms. Unless they are empty, the resident must tick a box to accept them."
    )
    named_doctor: bool = strawberry.field(
        description=(
            "Whether residents may ask for a named doctor (fast läkarkontakt); only for listing."
        )
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(TERMS_TEXT, TermsTextContent)


@version_type(CONTENT_TYPES, "One immutable version of a terms text.")
class TermsTextVersion(Version):
    @strawberry.field(description="The terms text.")
    async def terms_text(self, info: Info) -> "TermsText":
        return TermsText.of(await document_of_version(self, info), info)

    @strawberry.field(description="Whether the resident must tick a box: true if there are terms.")
    def must_accept(self) -> bool:
        return terms_texts.must_accept(self.record)

    @strawberry.field(
        description=(
            "The part of the clinic text that is shown before it is expanded: plain text, at most"
            " 300 characters."
        )
    )
    def clinic_text_lead(self) -> str:
        return terms_texts.lead(self.record)

    @strawberry.field(
        description=(
            "A preview of what the resident sees, as an accessible, sanitised HTML fragment, for"
            " drafts and published versions."
        )
    )
    async def html(
        self,
        info: Info,
        clinic: Annotated[
            HsaId | None,
            strawberry.argument(
                description=(
                    "The clinic whose values replace the placeholders. If left out, placeholders"
                    " are not replaced."
                )
            ),
        ] = None,
    ) -> str:
        return await terms_texts.preview(info.context, self.record, clinic)


@document_type(
    CONTENT_TYPES,
    TermsTextVersion,
    "The text that a resident reads before choosing a clinic or a time (villkorstext).",
)
class TermsText(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    TermsText,
    TermsTextVersion,
    noun="terms text",
    owner="The owner: a principal, for all its clinics; or one clinic.",
)
