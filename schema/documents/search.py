"""Full-text search. Highlights are segments of plain text, never HTML."""

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
from store.content.search_tokens import WordQuery


@strawberry.type(
    description=(
        "A segment of a text that was found: one of the search words, or the text between them."
    )
)
class SearchSegment:
    text: str = strawberry.field(
        description=(
            "The text exactly as stored; Markdown in rich texts. It is not HTML, so escape it."
        )
    )
    hit: bool = strawberry.field(description="Whether the segment is one of the search words.")


@strawberry.type(description="A text of a document that contains search words.")
class SearchHit:
    path: str = strawberry.field(description="Path of the text, such as `questions[datum].label`.")
    label: str = strawberry.field(description="The path in words, in Swedish.")
    version: int = strawberry.field(
        description=(
            "Number of the version that contains the text: the published one, or the newest draft."
        )
    )
    segments: list[SearchSegment] = strawberry.field(
        description=(
            "The text in segments, which joined give the text. For a long text: about 300"
            " characters around the first search word."
        )
    )

    @classmethod
    def of(cls, hit: resolve.Hit) -> "SearchHit":
        segments = [SearchSegment(text=segment.text, hit=segment.hit) for segment in hit.segments]
        return cls(path=hit.path, label=hit.label, version=hit.version, segments=segments)


@strawberry.type(description="One document that was found, with its cursor.")
class DocumentEdge:
    record: strawberry.Private[records.Document]
    query: strawberry.Private[WordQuery]
    cursor: str = strawberry.field(description="The position of the document; pass it as `after`.")
    node: Document = strawberry.field(description="The document.")

    @strawberry.field(
        description=(
            "The texts of the document that contain search words, at most ten, in the content's"
            " order: first in the published version, then in a newer draft."
        )
    )
    async def hits(self, info: Info) -> list[SearchHit]:
        # Long texts take time: let other requests run between two documents.
        await asyncio.sleep(0)
        return [SearchHit.of(hit) for hit in resolve.hits(info.context, self.record, self.query)]


@strawberry.type(description="One page of documents of any kind.")
class DocumentConnection:
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    edges: list[DocumentEdge] = strawberry.field(description="The documents on the page, in order.")
    page_info: PageInfo = strawberry.field(description="Information about the page.")

    @strawberry.field(description="The number of documents in the whole list.")
    async def total_count(self) -> int:
        return await self.count()


@strawberry.type
class SearchQuery:
    @strawberry.field(
        description=(
            "Full-text search in published versions, and in the newest drafts that the viewer may"
            " see. Archived documents are left out. A document must contain every word, in any of"
            " its Swedish inflections; the last word can be incomplete. Documents with all the"
            " words in their names come first."
        )
    )
    async def search(
        self,
        info: Info,
        text: Annotated[
            str,
            strawberry.argument(
                description=(
                    "The text as typed: at most 200 characters and 16 words. No character is an"
                    " operator."
                )
            ),
        ],
        first: First = None,
        after: After = None,
    ) -> DocumentConnection:
        query = resolve.parse_query(text)
        found = await resolve.page(info.context, query, paging(first, after))
        page = connection(found, lambda record: record, lambda: resolve.count(info.context, query))
        edges = [
            DocumentEdge(
                record=edge.node,
                query=query,
                cursor=edge.cursor,
                node=document_of(edge.node, info),
            )
            for edge in page.edges
        ]
        return DocumentConnection(count=page.count, edges=edges, page_info=page.page_info)
