"""Where each value of a document comes from, as far as the viewer may know."""

from dataclasses import dataclass
from typing import NamedTuple

from resolvers.context import Context
from resolvers.documents import versions
from store.documents.blame import Signature
from store.documents.scopes import Visibility
from store.errors import NotFound
from store.records import Document


class _Place(NamedTuple):
    """A version that brought a value, and the newest one of its document that has it still."""

    document: str
    version: int
    newest: int


@dataclass(frozen=True, slots=True)
class FieldOrigin:
    """Where one value comes from. `source` is the document that it was written in, the one asked
    about or a template above it.

    `version` and `signature` are None where the viewer may not see that document, or no version of
    it that had the value.
    """

    path: str
    label: str
    since: int
    source: Document
    version: int | None
    signature: Signature | None


async def of_document(
    context: Context, document: Document, number: int | None
) -> list[FieldOrigin]:
    """The origin of each value of a version, in the content's order; of the newest that the viewer
    may see without a number.

    Who sees no drafts is told, of each change, the first version in force that came with it.

    Raises:
        NotFound: There is no such version, or the viewer may not see it.
    """
    made = await versions.get(context, document, number)
    if made is None:
        raise NotFound(f"Version {number} finns inte.", ("version",))
    origins = await context.loaders.blames.load((made.document, made.number)) or []
    names = sorted({document.id} | {origin.document for origin in origins})
    heads = {
        head.id: head
        for head in await context.loaders.documents.load_many(names)
        if head is not None
    }
    came = {origin: _Place(document.id, origin.since, made.number) for origin in origins}
    written = {origin: _Place(origin.document, origin.version, origin.newest) for origin in origins}
    shown = await _shown(context, heads, {*came.values(), *written.values()})
    keys = sorted({(place.document, shown[place]) for place in written.values() if place in shown})
    signatures = dict(zip(keys, await context.loaders.signatures.load_many(keys), strict=True))
    return [
        FieldOrigin(
            path=origin.path,
            label=origin.label,
            since=shown[came[origin]],
            source=heads[origin.document],
            version=(version := shown.get(written[origin])),
            signature=None if version is None else signatures[origin.document, version],
        )
        for origin in origins
    ]


async def _shown(
    context: Context, heads: dict[str, Document], asked: set[_Place]
) -> dict[_Place, int]:
    """For versions the version that the viewer is told of in its stead; without those of which the
    viewer is told nothing.
    """
    visibilities = {name: context.rights.visibility(head) for name, head in heads.items()}
    shown = {
        place: place.version for place in asked if visibilities[place.document] is Visibility.ALL
    }
    limited = [place for place in asked if visibilities[place.document] is Visibility.RELEASED]
    found = await context.loaders.released_with.load_many(
        [(place.document, place.version) for place in limited]
    )
    return shown | {
        place: first
        for place, first in zip(limited, found, strict=True)
        if first is not None and first <= place.newest
    }
