"""The filter and the order of lists of documents."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema.documents.enums import DocumentOrder, DocumentState
from schema.kinds.enums import CaseTypeScope
from schema.scalars import HsaId
from store.documents.listing import DocumentFilter as StoreFilter
from store.records import OwnerKind


@strawberry.input(
    description="A filter for documents. Fields that are left out do not restrict the list."
)
class DocumentFilter:
    text: str | None = strawberry.field(
        default=None, description="Part of the name or the internal name. Case does not matter."
    )
    owner: HsaId | None = strawberry.field(
        default=None, description="Owned by this principal or clinic."
    )
    scope: CaseTypeScope | None = strawberry.field(
        default=None, description="Owned by principals (`CENTRAL`) or by clinics (`LOCAL`)."
    )
    state: list[DocumentState] | None = strawberry.field(
        default=None, description="In any of these states. If left out: all states except archived."
    )
    derived_from: strawberry.ID | None = strawberry.field(
        default=None, description="The newest version was made from this template."
    )
    changed_since: datetime | None = strawberry.field(
        default=None, description="The content or the state changed at this time or later."
    )


Which = Annotated[
    DocumentFilter | None,
    strawberry.argument(
        description=(
            "The filter. If left out: all documents that the viewer may see, except archived ones."
        )
    ),
]
OrderBy = Annotated[
    DocumentOrder | None, strawberry.argument(description="The order; by name if left out.")
]


def filter_of(kind: str, filter: DocumentFilter | None) -> StoreFilter:
    """Convert the filter for documents of one kind to the store's filter."""
    if filter is None:
        return StoreFilter(kind)
    owners = {CaseTypeScope.CENTRAL: OwnerKind.PRINCIPAL, CaseTypeScope.LOCAL: OwnerKind.CLINIC}
    return StoreFilter(
        kind,
        text=filter.text,
        owner=filter.owner,
        owner_kind=owners[filter.scope] if filter.scope else None,
        states=filter.state,
        derived_from=filter.derived_from,
        changed_since=filter.changed_since,
    )
