"""Documents of any kind: who may read and write them, in which order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, overload

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.context import Context
from resolvers.kinds.texts import allowed_characters, at_most
from resolvers.kinds.validation import validate
from store.content import diff
from store.content.diff import Change
from store.content.hashing import Verification
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Seen, Visibility
from store.errors import InvalidInput, NotFound, Path, Problem
from store.kinds.kinds import Kind
from store.log.history import Asked
from store.mongo.paging import EMPTY, Page, Paging
from store.mongo.transactions import IdempotencyKey
from store.records import (
    Action,
    Content,
    Derivation,
    Document,
    Event,
    Owner,
    OwnerKind,
    Saved,
    Summary,
    Version,
    key_of,
)

SEARCHED = (at_most(200), allowed_characters)
"""What is checked of a text to look for."""


@dataclass(frozen=True, slots=True)
class TemplateReference:
    """A template and one of its versions; the one in force when `version` is None."""

    id: str
    version: int | None = None


# -------------------------------------------------------------------- reading


@overload
async def get(context: Context, document_id: str, kind: str | None = None) -> Document | None: ...


@overload
async def get(
    context: Context, document_id: str, kind: str | None = None, *, whole: bool
) -> Summary | None: ...


async def get(
    context: Context, document_id: str, kind: str | None = None, *, whole: bool = True
) -> Summary | None:
    """A document that the viewer may know of, of a kind if one is named; else None.

    Unless `whole`, its summary will do.
    """
    document = await context.loaders.documents.load(document_id, whole=whole)
    if (
        document is None
        or (kind is not None and document.kind != kind)
        or visibility(context, document) is Visibility.NOTHING
    ):
        return None
    return document


def visibility(context: Context, document: Seen) -> Visibility:
    """How much of a document the viewer sees."""
    return context.rights.visibility(document)


@overload
async def page(
    context: Context, which: DocumentFilter, order: Order, paging: Paging
) -> Page[Document]: ...


@overload
async def page(
    context: Context, which: DocumentFilter, order: Order, paging: Paging, *, whole: bool
) -> Page[Summary]: ...


async def page(
    context: Context, which: DocumentFilter, order: Order, paging: Paging, *, whole: bool = True
) -> Page[Any]:
    """A page of the documents that the viewer sees; unless `whole`, of their summaries.

    Raises:
        InvalidInput: The text to look for can't be in a name.
    """
    faults = [fault for check in SEARCHED for fault in check(which.text or "")]
    if faults:
        raise InvalidInput(
            [Problem(fault.code, fault.message, ("filter", "text")) for fault in faults]
        )
    return await context.store.listing.page(which, context.rights.scope, order, paging, whole=whole)


async def version(context: Context, document: Document, number: int | None) -> Version | None:
    """A version by number, the newest one without; None where there is none or the viewer may not
    see it.
    """
    everything = visibility(context, document) is Visibility.ALL
    if number is None:
        number = document.latest if everything else document.highest_released
    if not everything and not await context.loaders.released.load((document.id, number)):
        return None
    return await context.loaders.versions.load((document.id, number))


async def version_at(context: Context, document: Document, time: datetime) -> Version | None:
    """The version in force at a moment; None where none was."""
    number = await context.loaders.published_at.load((document.principal, document.id, time))
    return None if number is None else await context.loaders.versions.load((document.id, number))


async def versions(context: Context, document: Document, paging: Paging) -> Page[Version]:
    """A page of versions, newest first: all of them, or those ever in force for who sees no drafts."""
    page = await context.loaders.version_pages.load(
        Asked.of(document, paging, limited=visibility(context, document) is not Visibility.ALL)
    )
    return page or EMPTY


async def history(context: Context, document: Document, paging: Paging) -> Page[Event]:
    """A page of acts, newest first: all of them, or those told to clinics for who sees no drafts."""
    return await context.loaders.histories.load(_acts(context, document, paging)) or EMPTY


async def count_history(context: Context, document: Document) -> int:
    """How many of its acts the viewer sees."""
    acts = _acts(context, document, Paging())
    if acts.clinics is not None:
        return await context.store.history.count_of_document(acts)
    return document.notice_count if acts.limited else document.event_count


def _acts(context: Context, document: Document, paging: Paging) -> Asked:
    """Who sees no drafts sees no drafted acts; who reads single clinics, of the acts at named
    clinics only those at them.
    """
    reach = context.rights.clinics()
    limited = visibility(context, document) is not Visibility.ALL
    single = limited and reach is not None and document.principal not in reach.principals
    return Asked.of(
        document,
        paging,
        limited=limited,
        clinics=reach.clinics if single and reach is not None else None,
    )


async def compare(context: Context, document: Document, before: int, after: int) -> list[Change]:
    """The changes between any two versions that the viewer sees.

    Raises:
        NotFound: One of them does not exist, or the viewer may not see it.
    """
    pair = []
    for argument, number in (("from", before), ("to", after)):
        found = await version(context, document, number)
        if found is None:
            raise NotFound(f"Version {number} finns inte.", (argument,))
        pair.append(found)
    return difference(context, pair[0], pair[1])


async def changes_of_version(context: Context, made: Version) -> list[Change]:
    """What a version changed in the one before; for who sees no drafts, in the one before it that
    was in force.
    """
    document = await context.loaders.documents.load(made.document)
    if document is None or made.number == 1:
        return []
    before: int | None = made.number - 1
    if visibility(context, document) is not Visibility.ALL:
        before = await context.loaders.released_before.load((made.document, made.number))
    if before is None:
        return []
    previous = await context.loaders.versions.load((made.document, before))
    return [] if previous is None else difference(context, previous, made)


async def changes_of_event(context: Context, event: Event) -> list[Change]:
    """What an act changed: in force where it moved that, else in the newest draft; or a principal's
    policies.
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
    document = await context.loaders.documents.load(event.document)
    if document is None or visibility(context, document) is not Visibility.ALL:
        return []  # who reads a log does not read drafts by it
    made = await context.loaders.versions.load((event.document, event.version))
    return (
        []
        if made is None or made.sequence != event.sequence
        else await changes_of_version(context, made)
    )


async def _changes_between(
    context: Context, document_id: str, before: int | None, after: int | None
) -> list[Change]:
    if before is None or after is None:
        return []
    old, new = await context.loaders.versions.load_many(
        [(document_id, before), (document_id, after)]
    )
    return difference(context, old, new) if old is not None and new is not None else []


def difference(context: Context, before: Version, after: Version) -> list[Change]:
    """The changes between two versions of one document, both as today's content model has them."""
    kind = context.store.kinds[after.kind]
    return diff.diff(
        kind.upcast(before.content, before.schema_version),
        kind.upcast(after.content, after.schema_version),
        kind.fields,
    )


async def changes_since(
    context: Context, document_id: str, before: int, after: int
) -> list[Change]:
    """What came between the version that a caller knew and the newest; empty where the first does
    not exist.
    """
    return await _changes_between(context, document_id, before, after)


async def verify(context: Context, document: Document) -> Verification:
    """Recompute the hash chain over all versions; who sees no drafts is not told how many there
    are.
    """
    verification = await context.store.documents.verify(document)
    return (
        verification
        if visibility(context, document) is Visibility.ALL
        else replace(verification, versions=document.release_count)
    )


async def template_of(context: Context, derived: Derivation | None) -> Document | None:
    """The template behind a derivation; None where the viewer may not know of it."""
    return None if derived is None else await get(context, derived.template)


# -------------------------------------------------------------------- writing


async def create(
    context: Context,
    kind: Kind,
    *,
    owner: str,
    content: Mapping[str, Any],
    template_kind: Kind | None,
    from_template: TemplateReference | None,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Make a document. Content fields left out take the template's value, or the kind's own default
    without one.

    Raises:
        NotFound: There is no such owner or template.
        NotPermitted: The viewer may not make documents there.
        InvalidInput: The content breaks a rule, or the kind can't be owned so.
    """
    principal, kept_owner = await owner_of(context, owner)
    clinic = kept_owner.key if kept_owner.kind is OwnerKind.CLINIC else None
    held = decisions.require_at(context.rights, Permission.EDIT, principal, clinic, ("owner",))
    if kept_owner.kind not in kind.owners:
        owners = "en huvudman" if kept_owner.kind is OwnerKind.CLINIC else "en mottagning"
        raise InvalidInput.at(
            ("owner",),
            "OWNER_NOT_ALLOWED",
            f"Ange {owners} som ägare: dokument av den här sorten kan inte ägas av någon annan.",
        )
    derived, start = await _from_template(context, template_kind, from_template)
    checked = validate(kind, {**start, **content})
    await require_allowed_links(context, principal, checked.get("links", ()))
    return await context.store.documents.create(
        kind,
        principal=principal,
        owner=kept_owner,
        content=checked,
        derived_from=derived,
        act=context.act(held, note),
        key=key,
    )


async def update(
    context: Context,
    kind: Kind,
    document_id: str,
    *,
    expected_version: int,
    patch: Mapping[str, Any],
    publish: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Write the next version from a patch of the newest one; publish it as well if asked."""
    document, held = decisions.require(
        context.rights, Permission.EDIT, await get(context, document_id, kind.name)
    )
    if publish:
        decisions.require(context.rights, Permission.PUBLISH, document)

    links = patch.get("links") or (
        document.content.get("links", ()) if publish and "links" not in patch else ()
    )
    await require_allowed_links(context, document.principal, links)

    def edit(content: Content) -> Content:
        return validate(kind, {**content, **patch})

    return await context.store.documents.update(
        document,
        edit=edit,
        expected_version=expected_version,
        publish=publish,
        act=context.act(held, note),
        key=key,
    )


async def publish(
    context: Context,
    document_id: str,
    *,
    version: int,
    expected_version: int,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Put a version in force."""
    document, held = decisions.require(
        context.rights, Permission.PUBLISH, await get(context, document_id)
    )
    await _require_allowed_version(context, document, version)
    return await context.store.documents.publish(
        document,
        version=version,
        expected_version=expected_version,
        act=context.act(held, note),
        key=key,
    )


async def activate(
    context: Context,
    document_id: str,
    *,
    expected_version: int,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Show a deactivated document to residents again."""
    return await _lifecycle(
        context,
        Permission.ACTIVATE,
        context.store.documents.activate,
        document_id,
        expected_version,
        note,
        key,
    )


async def deactivate(
    context: Context,
    document_id: str,
    *,
    expected_version: int,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Hide a document from residents."""
    return await _lifecycle(
        context,
        Permission.ACTIVATE,
        context.store.documents.deactivate,
        document_id,
        expected_version,
        note,
        key,
    )


async def archive(
    context: Context,
    document_id: str,
    *,
    expected_version: int,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """End a document."""
    return await _lifecycle(
        context,
        Permission.ARCHIVE,
        context.store.documents.archive,
        document_id,
        expected_version,
        note,
        key,
    )


async def restore(
    context: Context,
    document_id: str,
    *,
    version: int,
    expected_version: int,
    publish: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Write an earlier version's content as a new version; put it in force only if asked."""
    document, held = decisions.require(
        context.rights, Permission.EDIT, await get(context, document_id)
    )
    if publish:
        decisions.require(context.rights, Permission.PUBLISH, document)
        await _require_allowed_version(context, document, version)
    return await context.store.documents.restore(
        document,
        version=version,
        expected_version=expected_version,
        publish=publish,
        act=context.act(held, note),
        key=key,
    )


async def _require_allowed_version(context: Context, document: Document, number: int) -> None:
    """The same for a version that is put in force."""
    found = await context.loaders.versions.load((document.id, number))
    await require_allowed_links(
        context, document.principal, found.content.get("links", ()) if found else ()
    )


async def require_allowed_links(
    context: Context, principal: str, links: Iterable[Mapping[str, Any]], path: Path = ("content",)
) -> None:
    """Refuse links that open an open page from logged-in mode, where the principal does not allow
    them.

    Raises:
        InvalidInput: There are some.
    """
    if problems := await open_page_links(context, principal, links, path):
        raise InvalidInput(problems)


async def open_page_links(
    context: Context, principal: str, links: Iterable[Mapping[str, Any]], content: Path
) -> list[Problem]:
    """The same as problems; none where the principal allows such links.

    `content` is where the content stands.
    """
    problems = open_page_problems(links, content)
    return (
        problems
        if problems and not (await context.store.policies.of(principal)).open_page_links
        else []
    )


def open_page_problems(
    links: Iterable[Mapping[str, Any]], content: Path = ("content",)
) -> list[Problem]:
    """The links that open an open page from logged-in mode, as problems for a principal that does
    not allow them.
    """
    message = "Huvudmannen tillåter inte länkar till öppna sidor från inloggat läge."
    places = [index for index, link in enumerate(links) if link.get("openPage")]
    return [
        Problem("OPEN_PAGE_LINK", message, (*content, "links", str(index), "openPage"))
        for index in places
    ]


async def _lifecycle(
    context: Context,
    permission: Permission,
    write: Callable[..., Any],
    document_id: str,
    expected_version: int,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    document, held = decisions.require(context.rights, permission, await get(context, document_id))
    saved: Saved = await write(
        document, expected_version=expected_version, act=context.act(held, note), key=key
    )
    return saved


async def owner_of(context: Context, hsa_id: str) -> tuple[str, Owner]:
    """The principal whose log is written, and the owner: that principal or one of its clinics.

    Raises:
        NotFound: The viewer may know of neither.
    """
    key = key_of(hsa_id)
    if key in context.principals:
        return key, Owner(OwnerKind.PRINCIPAL, key)
    clinic = await context.loaders.clinics.load(key)
    if clinic is None or not context.rights.sees_clinic(clinic):
        raise NotFound("Det finns ingen huvudman eller mottagning med detta HSA-id.", ("owner",))
    return clinic.principal, Owner(OwnerKind.CLINIC, key)


async def _from_template(
    context: Context, template_kind: Kind | None, reference: TemplateReference | None
) -> tuple[Derivation | None, Mapping[str, Any]]:
    """Where a new document comes from, and the content that it starts with."""
    if reference is None or template_kind is None:
        return None, {}
    template = decisions.require_visible(
        context.rights, await get(context, reference.id, template_kind.name), ("fromTemplate", "id")
    )
    number = (
        reference.version
        if reference.version is not None
        else template.published or template.latest
    )
    found = await version(context, template, number)
    if found is None:
        raise InvalidInput.at(
            ("fromTemplate", "version"), "UNKNOWN_VERSION", f"Mallen har ingen version {number}."
        )
    return Derivation(template.id, number), template_kind.upcast(
        found.content, found.schema_version
    )
