"""What residents meet at a clinic: central content with the clinic's own merged in and placeholders
filled, now or at any moment before.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from resolvers.context import Context
from resolvers.documents import documents
from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.local_adaptations import LOCAL_ADAPTATION
from resolvers.pages.placeholders import filled, values_of
from resolvers.pages.rendering import case_type_page
from store.records import Clinic, Content, Document, OrderedList, Version

_ADDED = ("standardReplies", "terms")


@dataclass(frozen=True, slots=True)
class Entry:
    """One case type on a clinic's page; `position` counts from 1, `effective` is the merged and
    filled content.
    """

    position: int
    clinic: Clinic
    document: Document
    version: Version
    adaptation: Version | None
    effective: Content

    def html(self) -> str:
        """The same as accessible, sanitised HTML."""
        return case_type_page(self.effective, self.document.id)


async def entries(
    context: Context, clinic: Clinic, which: OrderedList, as_of: datetime | None
) -> list[Entry]:
    """A clinic's page, in order. A moment still to come is answered as now.

    Args:
        context: Who asks. Case types that the viewer may not know of are left out; the others keep
            their positions.
        clinic: As it is now; the viewer may read it.
        which: The start page, or the contact card: then only the case types for the card.
        as_of: Now without one.
    """
    now = context.store.now()
    page = await context.store.start_pages.of(
        clinic, which, as_of if as_of is None or as_of < now else None
    )
    versions = await context.loaders.versions.load_many(
        [(shown.assignment.document, shown.version) for shown in page.shown]
    )
    adapted = [
        (shown.adaptation_id, shown.adaptation)
        for shown in page.shown
        if shown.adaptation is not None
    ]
    adaptations = {
        version.document: version
        for version in await context.loaders.versions.load_many(adapted)
        if version is not None
    }
    ids = [
        *(shown.assignment.document for shown in page.shown),
        *(document for document, _ in adapted),
    ]
    readable = {
        document.id: document
        for document in await asyncio.gather(*(documents.get(context, one) for one in ids))
        if document is not None
    }
    found = []
    position = 0
    for shown, version in zip(page.shown, versions, strict=True):
        if version is None:
            raise LookupError(f"version {shown.version} of {shown.assignment.document}")
        if (
            which is OrderedList.CONTACT_CARD
            and not CASE_TYPE.upcast(version.content, version.schema_version)["onContactCard"]
        ):
            continue
        position += 1
        if (document := readable.get(shown.assignment.document)) is not None:
            adaptation = adaptations.get(shown.adaptation_id)
            seen = shown.adaptation_id in readable
            merged = effective(version, adaptation, page.clinic, replies=seen)
            found.append(
                Entry(
                    position, page.clinic, document, version, adaptation if seen else None, merged
                )
            )
    return found


def effective(
    version: Version, adaptation: Version | None, clinic: Clinic, *, replies: bool = True
) -> Mapping[str, Any]:
    """A case type version as it is at a clinic: the clinic's replies and terms after the central
    ones, placeholders filled.

    Without `replies` the clinic's own replies, which are its staff's, are left out.
    """
    content = dict(CASE_TYPE.upcast(version.content, version.schema_version))
    if adaptation is not None:
        own = LOCAL_ADAPTATION.upcast(adaptation.content, adaptation.schema_version)
        content |= {
            name: [*content[name], *({**item, "local": True} for item in own[name])]
            for name in (_ADDED if replies else ("terms",))
        }
    return filled(content, CASE_TYPE.fields, values_of(clinic))


def preview(version: Version, clinic: Clinic | None) -> str:
    """A version as HTML, before or after its publication: at a clinic, or with its placeholders as
    they are.
    """
    if clinic is not None:
        return case_type_page(effective(version, None, clinic), version.document)
    return case_type_page(
        CASE_TYPE.upcast(version.content, version.schema_version), version.document
    )
