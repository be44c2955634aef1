"""Case types as residents see them at a clinic, now or at a moment in the past.

The central content, the clinic's own replies and terms, and the values of placeholders are merged.
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

_ADAPTED_FIELDS = ("standardReplies", "terms")


@dataclass(frozen=True, slots=True)
class StartPageEntry:
    """A case type on a clinic's page.

    Attributes:
        position: On the page, from 1.
        clinic: As it was at the moment.
        document: The case type as it is now.
        version: The version that residents see, or saw at the moment.
        adaptation: The clinic's adaptation at the moment; None without one, or if the viewer may
            not read it.
        effective: The merged content with its placeholders filled in.
    """

    position: int
    clinic: Clinic
    document: Document
    version: Version
    adaptation: Version | None
    effective: Content

    def html(self) -> str:
        """The effective content as accessible, sanitised HTML."""
        return case_type_page(self.effective, self.document.id)


async def entries_of(
    context: Context, clinic: Clinic, which: OrderedList, as_of: datetime | None
) -> list[StartPageEntry]:
    """The case types on a clinic's page, in order.

    Case types that the viewer may not know of are left out; the others keep their positions.

    Args:
        context: The caller's.
        clinic: As it is now; the viewer may read it.
        which: The start page, or the contact card, which has only the case types for the card.
        as_of: The moment; None, or a moment in the future, for now.
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
        for document in await asyncio.gather(
            *(documents.get(context, document_id) for document_id in ids)
        )
        if document is not None
    }
    entries = []
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
            readable_adaptation = shown.adaptation_id in readable
            merged = effective(version, adaptation, page.clinic, replies=readable_adaptation)
            entries.append(
                StartPageEntry(
                    position,
                    page.clinic,
                    document,
                    version,
                    adaptation if readable_adaptation else None,
                    merged,
                )
            )
    return entries


def effective(
    version: Version, adaptation: Version | None, clinic: Clinic, *, replies: bool = True
) -> Mapping[str, Any]:
    """The content of a case type version at a clinic.

    The clinic's replies and terms follow the central ones; placeholders are filled in.

    Args:
        version: Of the case type.
        adaptation: The version of the clinic's adaptation, if any.
        clinic: Supplies the values of placeholders.
        replies: Whether to include the clinic's own replies, which are for its staff only.
    """
    content = dict(CASE_TYPE.upcast(version.content, version.schema_version))
    if adaptation is not None:
        own = LOCAL_ADAPTATION.upcast(adaptation.content, adaptation.schema_version)
        content |= {
            name: [*content[name], *({**item, "local": True} for item in own[name])]
            for name in (_ADAPTED_FIELDS if replies else ("terms",))
        }
    return filled(content, CASE_TYPE.fields, values_of(clinic))


def preview(version: Version, clinic: Clinic | None) -> str:
    """A version of a case type as HTML, published or not.

    Args:
        version: Of the case type.
        clinic: Supplies the values of placeholders; None leaves them unfilled.
    """
    if clinic is not None:
        return case_type_page(effective(version, None, clinic), version.document)
    return case_type_page(
        CASE_TYPE.upcast(version.content, version.schema_version), version.document
    )
