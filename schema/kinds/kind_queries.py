"""The two queries of a kind: one document by id, and a list of documents."""

from typing import Any

import strawberry

from resolvers.documents import documents
from schema.documents.documents import Document
from schema.documents.listing import OrderBy, Which, filter_of
from schema.errors import Info
from schema.nodes import After, Before, Connection, First, Id, Last, connection, paging
from schema.selected_fields import needs_whole
from store.documents.listing import Order
from store.kinds.kinds import Kind


def by_id_query(kind: Kind, document: type[Document], noun: str) -> Any:
    """Build the query for one document."""

    async def by_id(info: Info, id: Id) -> Any:
        found = await documents.get(info.context, id, kind.name, whole=needs_whole(info))
        return document.of(found, info) if found else None

    return strawberry.field(
        resolver=by_id,
        graphql_type=document | None,
        description=(
            f"The {noun} with an id. Null if there is none, or if the viewer may not see it."
        ),
    )


def list_query(kind: Kind, document: type[Document], plural: str) -> Any:
    """Build the query for a list of documents."""

    async def list_documents(
        info: Info,
        filter: Which = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        document_filter = filter_of(kind.name, filter)
        page = await documents.page(
            info.context,
            document_filter,
            order_by or Order.NAME_ASC,
            paging(first, after, last, before),
            whole=needs_whole(info, "edges", "node"),
        )
        return connection(
            page,
            lambda record: document.of(record, info),
            lambda: documents.count(info.context, document_filter),
        )

    return strawberry.field(
        resolver=list_documents,
        graphql_type=Connection[document],  # type: ignore[valid-type] # a class known at run time
        description=f"The {plural} that the viewer may see; by name unless `orderBy` is set.",
    )
