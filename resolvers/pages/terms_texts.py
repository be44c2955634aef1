"""Terms texts as residents see them."""

from resolvers.clinics import clinics
from resolvers.context import Context
from resolvers.kinds.terms_texts import LEAD_CHARACTERS, TERMS_TEXT, requires_acceptance
from resolvers.pages.placeholders import filled, values_of
from resolvers.pages.rendering import Excerpt, excerpt_of, terms_text_page
from store.records import Content, Version


def must_accept(version: Version) -> bool:
    """Whether the resident must accept the terms: only where there are some."""
    return requires_acceptance(_content(version))


def lead(version: Version) -> str:
    """The start of the clinic text, as shown before it is expanded.

    Plain text, with placeholders not filled in.
    """
    return _lead(_content(version)).text


async def preview(context: Context, version: Version, clinic: str | None) -> str:
    """A version as HTML, published or not.

    With a clinic, its placeholders are filled in.

    Raises:
        NotFound: There is no such clinic.
    """
    content = _content(version)
    if clinic is not None:
        content = filled(
            content, TERMS_TEXT.fields, values_of(await clinics.require(context, clinic))
        )
    return terms_text_page(
        content, version.document, _lead(content), accept=requires_acceptance(content)
    )


def _content(version: Version) -> Content:
    return TERMS_TEXT.upcast(version.content, version.schema_version)


def _lead(content: Content) -> Excerpt:
    return excerpt_of(content["clinicText"], LEAD_CHARACTERS)
