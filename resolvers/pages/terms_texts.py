"""Terms texts as residents meet them."""

from resolvers.clinics import clinics
from resolvers.context import Context
from resolvers.kinds import TERMS_TEXT
from resolvers.kinds.terms_texts import LEAD_CHARACTERS
from resolvers.kinds.terms_texts import must_accept as needs_a_tick
from resolvers.pages import Lead, lead_of, terms_text_page
from resolvers.pages.placeholders import filled, values_of
from store.records import Content, Version


def must_accept(version: Version) -> bool:
    """Whether the resident must tick a box: where there are terms."""
    return needs_a_tick(_content(version))


def lead(version: Version) -> str:
    """What is shown of the clinic text before it is folded out, as plain text; placeholders as they
    are.
    """
    return _lead(_content(version)).text


async def preview(context: Context, version: Version, clinic: str | None) -> str:
    """A version as HTML, before or after its publication: at a clinic, or with its placeholders as
    they are.

    Raises:
        NotFound: There is no such clinic.
    """
    content = _content(version)
    if clinic is not None:
        content = filled(
            content, TERMS_TEXT.fields, values_of(await clinics.require(context, clinic))
        )
    return terms_text_page(content, version.document, _lead(content), accept=needs_a_tick(content))


def _content(version: Version) -> Content:
    return TERMS_TEXT.upcast(version.content, version.schema_version)


def _lead(content: Content) -> Lead:
    return lead_of(content["clinicText"], LEAD_CHARACTERS)
