"""Documents of any kind: reads and writes, by the rights of the viewer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, overload

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.context import Context
from resolvers.documents import open_page_links, versions
from resolvers.documents.owners import owner_of
from resolvers.documents.search import search_text_problems
from resolvers.kinds.validation import validate
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Visibility
from store.errors import InvalidInput
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kind
from store.paging import Page, Paging
from store.records import Content, Derivation, Document, OwnerKind, Saved, Summary


@dataclass(frozen=True, slots=True)
class TemplateReference:
    """A template and one of its versions.

    Attributes:
        id: The template.
        version: The number; None for the published version, or the newest where none is published.
    """

    id: str
    version: int | None = None


@overload
async def get(context: Context, document_id: str, kind: str | None = None) -> Document | None: ...


@overload
async def get(
    context: Context, document_id: str, kind: str | None = None, *, whole: bool
) -> Summary | None: ...


async def get(
    context: Context, document_id: str, kind: str | None = None, *, whole: bool = True
) -> Summary | None:
    """A document that the viewer may know of; else None.

    Args:
        context: The request.
        document_id: The document.
        kind: The name of the kind that the document must be of.
        whole: Whether the content is needed; if not, a summary can be returned.
    """
    document = await context.loaders.documents.load(document_id, whole=whole)
    if (
        document is None
        or (kind is not None and document.kind != kind)
        or context.rights.visibility(document) is Visibility.NOTHING
    ):
        return None
    return document


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
    """A page of the documents that the viewer sees, or unless `whole` of their summaries.

    Raises:
        InvalidInput: The search text is too long or has characters that no name can have.
    """
    if problems := search_text_problems(which.text or "", ("filter", "text")):
        raise InvalidInput(problems)
    return await context.store.listing.page(which, context.rights.scope, order, paging, whole=whole)


async def count(context: Context, which: DocumentFilter) -> int:
    """The number of documents that match a filter and that the viewer may see."""
    return await context.store.listing.count(which, context.rights.scope)


async def template_of(context: Context, derived: Derivation | None) -> Document | None:
    """The template that a version was made from; None where the viewer may not know of it."""
    return None if derived is None else await get(context, derived.template)


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
    """Create a document.

    Content fields left out take the template's value, or without a template the kind's default.

    Raises:
        NotFound: There is no such owner or template.
        NotPermitted: The viewer may not create documents there.
        InvalidInput: The content breaks a rule, or the kind does not allow such an owner.
    """
    principal, resolved_owner = await owner_of(context, owner)
    clinic = resolved_owner.key if resolved_owner.kind is OwnerKind.CLINIC else None
    held = decisions.require_at(context.rights, Permission.EDIT, principal, clinic, ("owner",))
    if resolved_owner.kind not in kind.owners:
        owners = "en huvudman" if resolved_owner.kind is OwnerKind.CLINIC else "en mottagning"
        raise InvalidInput.at(
            ("owner",),
            "OWNER_NOT_ALLOWED",
            f"Ange {owners} som ägare: dokument av den här sorten kan inte ägas av någon annan.",
        )
    derived, initial = await _from_template(context, template_kind, from_template)
    checked = validate(kind, {**initial, **content})
    await open_page_links.require_allowed(context, principal, checked.get("links", ()))
    return await context.store.documents.create(
        kind,
        principal=principal,
        owner=resolved_owner,
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
    """Write the next version from a patch of the newest one, and publish it if `publish` is set.

    Raises:
        NotFound: There is no such document, or the viewer may not know of it.
        NotPermitted: The viewer may not edit it, or publish it.
        InvalidInput: The content breaks a rule.
        VersionConflict: `expected_version` is not the newest version.
    """
    document, held = decisions.require(
        context.rights, Permission.EDIT, await get(context, document_id, kind.name)
    )
    if publish:
        decisions.require(context.rights, Permission.PUBLISH, document)

    links = patch.get("links") or (
        document.content.get("links", ()) if publish and "links" not in patch else ()
    )
    await open_page_links.require_allowed(context, document.principal, links)

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
    """Publish a version."""
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
    """Archive a document: it cannot be used or changed any more."""
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
    """Write an earlier version's content as a new version, and publish it if `publish` is set."""
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
    """Refuse to publish a version with open page links that the principal does not allow."""
    found = await context.loaders.versions.load((document.id, number))
    await open_page_links.require_allowed(
        context, document.principal, found.content.get("links", ()) if found else ()
    )


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


async def _from_template(
    context: Context, template_kind: Kind | None, reference: TemplateReference | None
) -> tuple[Derivation | None, Mapping[str, Any]]:
    """The derivation of a new document, and the content that it starts with."""
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
    found = await versions.get(context, template, number)
    if found is None:
        raise InvalidInput.at(
            ("fromTemplate", "version"), "UNKNOWN_VERSION", f"Mallen har ingen version {number}."
        )
    return Derivation(template.id, number), template_kind.upcast(
        found.content, found.schema_version
    )
