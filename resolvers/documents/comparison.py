"""Changes between versions of a document, as far as the viewer sees them."""

from resolvers.context import Context
from resolvers.documents import versions
from store.content import diff
from store.content.diff import Change
from store.documents.scopes import Visibility
from store.errors import NotFound
from store.records import Action, Document, Event, Version


async def compare(context: Context, document: Document, before: int, after: int) -> list[Change]:
    """The changes between any two versions that the viewer sees.

    Raises:
        NotFound: One of them does not exist, or the viewer may not see it.
    """
    pair = []
    for argument, number in (("from", before), ("to", after)):
        version = await versions.get(context, document, number)
        if version is None:
            raise NotFound(f"Version {number} finns inte.", (argument,))
        pair.append(version)
    return _difference(context, pair[0], pair[1])


async def changes_of_version(context: Context, version: Version) -> list[Change]:
    """The changes from the previous version to this one.

    For callers who cannot see drafts, from the previous published version.
    """
    document = await context.loaders.documents.load(version.document)
    if document is None or version.number == 1:
        return []
    before: int | None = version.number - 1
    if context.rights.visibility(document) is not Visibility.ALL:
        before = await context.loaders.released_before.load((version.document, version.number))
    if before is None:
        return []
    previous = await context.loaders.versions.load((version.document, before))
    return [] if previous is None else _difference(context, previous, version)


async def changes_of_event(context: Context, event: Event) -> list[Change]:
    """The changes that an act made.

    These are the changes of the published content where the act changed what is published, else
    those of the newest draft; or the changes of a principal's policies.
    """
    if event.action is Action.POLICIES_CHANGED:
        return await context.store.policies.changes_at(event.principal, event.sequence)
    if event.document is None or event.version is None:
        return []
    if event.published_before != event.published_after:
        return await _changes_between(
            context, event.document, event.published_before, event.published_after
        )
    if event.version == event.published_after:
        return []
    return await _changes_of_draft(context, event.document, event.version, event.sequence)


async def _changes_of_draft(
    context: Context, document_id: str, number: int, sequence: int
) -> list[Change]:
    """The changes of a draft that an event wrote; empty for callers who cannot see drafts."""
    document = await context.loaders.documents.load(document_id)
    if document is None or context.rights.visibility(document) is not Visibility.ALL:
        return []
    version = await context.loaders.versions.load((document_id, number))
    if version is None or version.sequence != sequence:
        return []
    return await changes_of_version(context, version)


async def changes_since(
    context: Context, document_id: str, before: int, after: int
) -> list[Change]:
    """The changes from the version that a caller knew to the newest.

    Empty where the first does not exist. The caller must have checked that the viewer sees both.
    """
    return await _changes_between(context, document_id, before, after)


async def _changes_between(
    context: Context, document_id: str, before: int | None, after: int | None
) -> list[Change]:
    if before is None or after is None:
        return []
    old, new = await context.loaders.versions.load_many(
        [(document_id, before), (document_id, after)]
    )
    return _difference(context, old, new) if old is not None and new is not None else []


def _difference(context: Context, before: Version, after: Version) -> list[Change]:
    """The changes between two versions, both upcast to the current content model."""
    kind = context.store.kinds[after.kind]
    return diff.diff(
        kind.upcast(before.content, before.schema_version),
        kind.upcast(after.content, after.schema_version),
        kind.fields,
    )
