"""The origin of each value of a document, as far as the viewer may know it."""

from dataclasses import dataclass
from typing import NamedTuple

from resolvers.context import Context
from resolvers.documents import versions
from store.documents.blame import Authorship
from store.documents.scopes import Visibility
from store.errors import NotFound
from store.records import Document


class _ValueSpan(NamedTuple):
    """The versions of a document that contain a value: the first and the newest of them."""

    document: str
    first: int
    newest: int


@dataclass(frozen=True, slots=True)
class FieldOrigin:
    """The origin of one value.

    Attributes:
        path: The path of the value.
        label: The readable path, in Swedish.
        since: The version of the document that the value came with.
        source: The document that it was written in: the document itself or a template above it.
        version: The version of the source; None where the viewer may not see the source, or no
            version of it that contains the value.
        authorship: Who wrote that version, and when; None with `version`.
    """

    path: str
    label: str
    since: int
    source: Document
    version: int | None
    authorship: Authorship | None


async def of_document(
    context: Context, document: Document, number: int | None
) -> list[FieldOrigin]:
    """The origin of each value of a version, in the content's order.

    Without a number, of the newest version that the viewer sees. For callers who cannot see drafts,
    each version number is that of the first published version that contains the change.

    Raises:
        NotFound: There is no such version, or the viewer may not see it.
    """
    version = await versions.get(context, document, number)
    if version is None:
        raise NotFound(f"Version {number} finns inte.", ("version",))
    origins = await context.loaders.blames.load((version.document, version.number)) or []
    ids = sorted({document.id} | {origin.document for origin in origins})
    heads = {
        head.id: head for head in await context.loaders.documents.load_many(ids) if head is not None
    }
    arrived = {origin: _ValueSpan(document.id, origin.since, version.number) for origin in origins}
    written = {
        origin: _ValueSpan(origin.document, origin.version, origin.newest) for origin in origins
    }
    visible = await _visible_versions(context, heads, {*arrived.values(), *written.values()})
    keys = sorted({(span.document, visible[span]) for span in written.values() if span in visible})
    authorships = dict(zip(keys, await context.loaders.authorships.load_many(keys), strict=True))
    return [
        FieldOrigin(
            path=origin.path,
            label=origin.label,
            since=visible[arrived[origin]],
            source=heads[origin.document],
            version=(source_version := visible.get(written[origin])),
            authorship=(
                None if source_version is None else authorships[origin.document, source_version]
            ),
        )
        for origin in origins
    ]


async def _visible_versions(
    context: Context, heads: dict[str, Document], spans: set[_ValueSpan]
) -> dict[_ValueSpan, int]:
    """The version to show for each span; without spans of which the viewer sees no version.

    That is the first version of a span, or for callers who cannot see drafts the first published
    version in it.
    """
    visibilities = {name: context.rights.visibility(head) for name, head in heads.items()}
    visible = {span: span.first for span in spans if visibilities[span.document] is Visibility.ALL}
    limited = [span for span in spans if visibilities[span.document] is Visibility.RELEASED]
    released = await context.loaders.released_with.load_many(
        [(span.document, span.first) for span in limited]
    )
    return visible | {
        span: number
        for span, number in zip(limited, released, strict=True)
        if number is not None and number <= span.newest
    }
