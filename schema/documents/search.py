"""Full text search. Highlights are stretches of plain text, never HTML."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from resolvers.documents import search as resolve
from schema.documents.conversion import document_of
from schema.documents.documents import Document
from schema.errors import Info
from schema.nodes import After, First, PageInfo, connection, paging
from store import records
from store.content.search_tokens import Sought


@strawberry.type(
    description=(
        "A stretch of a text that was found: one of the words sought, or what stands between them."
    )
)
class SearchSegment:
    text: str = strawberry.field(
        description=(
            "The stretch, exactly as stored; in rich text it is Markdown. Not HTML: escape it."
        )
    )
    hit: bool = strawberry.field(description="Whether it is one of the words sought.")


@strawberry.type(description="A text of a document in which words that were sought stand.")
class SearchHit:
    path: str = strawberry.field(description="Where, such as `questions[datum].label`.")
    label: str = strawberry.field(description="The same for people, in Swedish.")
    version: int = strawberry.field(
        description="The version that it stands in: the one in force, or the newest draft."
    )
    segments: list[SearchSegment] = strawberry.field(
        description=(
            "The text, or of a long one some 300 characters around the first of the words; all"
            " stretches joined give it back."
        )
    )

    @classmethod
    def of(cls, hit: resolve.Hit) -> "SearchHit":
        segments = [SearchSegment(text=segment.text, hit=segment.hit) for segment in hit.segments]
        return cls(path=hit.path, label=hit.label, version=hit.version, segments=segments)


@strawberry.type(description="One document that was found, with its place.")
class DocumentEdge:
    record: strawberry.Private[records.Document]
    sought: strawberry.Private[Sought]
    cursor: str = strawberry.field(description="Pass it as `after`.")
    node: Document = strawberry.field(description="The document itself.")

    @strawberry.field(
        description=(
            "Where in it the words stand, in the content's order, at most ten places: in force"
            " first, then in a newer draft."
        )
    )
    async def hits(self, info: Info) -> list[SearchHit]:
        await asyncio.sleep(
            0
        )  # a page of long texts takes some time: others get their turn between two documents
        return [SearchHit.of(hit) for hit in resolve.hits(info.context, self.record, self.sought)]


@strawberry.type(description="A page of documents of any kind.")
class DocumentConnection:
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    edges: list[DocumentEdge] = strawberry.field(description="The documents of the page, in order.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @strawberry.field(description="How many documents the whole list has.")
    async def total_count(self) -> int:
        return await self.count()


@strawberry.type
class SearchQuery:
    @strawberry.field(
        description=(
            "Full text over the content in force, and over the newest draft of documents whose"
            " drafts the viewer sees; archived ones are left out. Every word must stand in the"
            " document, in any of its Swedish forms; the last one may be only begun. Documents with"
            " all the words in their names come first."
        )
    )
    async def search(
        self,
        info: Info,
        text: Annotated[
            str,
            strawberry.argument(
                description=(
                    "As typed: at most 200 characters and 16 words. Nothing in it is an operator."
                )
            ),
        ],
        first: First = None,
        after: After = None,
    ) -> DocumentConnection:
        sought = resolve.parse_query(text)
        found = await resolve.page(info.context, sought, paging(first, after))
        page = connection(found, lambda record: record, lambda: resolve.count(info.context, sought))
        edges = [
            DocumentEdge(
                record=edge.node,
                sought=sought,
                cursor=edge.cursor,
                node=document_of(edge.node, info),
            )
            for edge in page.edges
        ]
        return DocumentConnection(count=page.count, edges=edges, page_info=page.page_info)
