"""Terms texts: what residents read, and perhaps accept, before they choose a clinic or book a time
there.
"""

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


@strawberry.type(description="All that a version of a terms text holds.")
class TermsTextContent:
    name: str = strawberry.field(description=NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    service: TermsService = strawberry.field(description="Which service it stands in.")
    clinic_text: Markdown = strawberry.field(
        description="About the clinic; its first 300 characters show, the rest is folded out."
    )
    booking_concerns: Markdown = strawberry.field(
        description="What the booking concerns (bokningen avser); for booking only."
    )
    information_to_clinic: str = strawberry.field(
        description=(
            "What residents are asked to tell the clinic, plain text, at most 150 characters; for"
            " booking only."
        )
    )
    terms: Markdown = strawberry.field(
        description="The terms. Where there are some, the resident must tick a box."
    )
    named_doctor: bool = strawberry.field(
        description=(
            "Whether residents may ask for a named doctor (fast läkarkontakt); for listing only."
        )
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(TERMS_TEXT, TermsTextContent)


@version_type(CONTENT_TYPES, "One immutable snapshot of a terms text.")
class TermsTextVersion(Version):
    @strawberry.field(description="The terms text.")
    async def terms_text(self, info: Info) -> "TermsText":
        return TermsText.of(await document_of_version(self, info), info)

    @strawberry.field(description="Whether the resident must tick a box: where there are terms.")
    def must_accept(self) -> bool:
        return terms_texts.must_accept(self.record)

    @strawberry.field(
        description=(
            "What is shown of the clinic text before it is folded out: plain text, at most 300"
            " characters."
        )
    )
    def clinic_text_lead(self) -> str:
        return terms_texts.lead(self.record)

    @strawberry.field(
        description=(
            "What the resident meets, as an accessible, sanitised HTML fragment, before or after"
            " its publication."
        )
    )
    async def html(
        self,
        info: Info,
        clinic: Annotated[
            HsaId | None,
            strawberry.argument(description="Whose values fill the placeholders; none without."),
        ] = None,
    ) -> str:
        return await terms_texts.preview(info.context, self.record, clinic)


@document_type(
    CONTENT_TYPES,
    TermsTextVersion,
    "What a resident reads before choosing a clinic or booking a time (villkorstext).",
)
class TermsText(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    TermsText,
    TermsTextVersion,
    noun="terms text",
    owner="A principal, for all its clinics; or one clinic.",
)
