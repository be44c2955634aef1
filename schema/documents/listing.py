"""Lists of documents: which, and in which order."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema.documents.enums import DocumentOrder, DocumentState
from schema.kinds.enums import CaseTypeScope
from schema.scalars import HsaId
from store.documents.listing import DocumentFilter as StoreFilter
from store.records import OwnerKind


@strawberry.input(description="Which documents; what is left out does not matter.")
class DocumentFilter:
    text: str | None = strawberry.field(
        default=None, description="Part of the name or the internal name; case does not matter."
    )
    owner: HsaId | None = strawberry.field(default=None, description="Of this principal or clinic.")
    scope: CaseTypeScope | None = strawberry.field(
        default=None, description="Principals' own, or clinics' own."
    )
    state: list[DocumentState] | None = strawberry.field(
        default=None, description="In any of these states; all but archived if left out."
    )
    derived_from: strawberry.ID | None = strawberry.field(
        default=None, description="Whose newest version was made from this template."
    )
    changed_since: datetime | None = strawberry.field(
        default=None, description="Content or state changed at this time or later."
    )


Which = Annotated[
    DocumentFilter | None,
    strawberry.argument(description="Which; all that the viewer sees, but archived ones, without."),
]
OrderBy = Annotated[
    DocumentOrder | None, strawberry.argument(description="In which order; by name without.")
]


def filter_of(kind: str, given: DocumentFilter | None) -> StoreFilter:
    """As the store has it."""
    if given is None:
        return StoreFilter(kind)
    owners = {CaseTypeScope.CENTRAL: OwnerKind.PRINCIPAL, CaseTypeScope.LOCAL: OwnerKind.CLINIC}
    return StoreFilter(
        kind,
        text=given.text,
        owner=given.owner,
        owner_kind=owners[given.scope] if given.scope else None,
        states=given.state,
        derived_from=given.derived_from,
        changed_since=given.changed_since,
    )
