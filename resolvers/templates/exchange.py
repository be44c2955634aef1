"""Export and import of templates: who may, and what an imported one comes from.

A file holds every version, drafts too, and who wrote each: the hashes cover that. So it is for
those who see both.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.context import Context
from resolvers.documents import documents, open_page_links, versions
from resolvers.documents.owners import owner_of
from resolvers.kinds import CASE_TYPE_TEMPLATE
from resolvers.kinds.validation import validate
from resolvers.templates import files
from resolvers.templates.files import Taken
from store.documents.scopes import Visibility
from store.errors import InvalidInput, NotPermitted
from store.mongo.transactions import IdempotencyKey
from store.records import Action, Derivation, Document, Origin, OwnerKind, Saved, Version
from store.templates.exchange import goes_on


class ImportOutcome(StrEnum):
    """What an import led to, or would lead to."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import led to; of one that was only tried `saved` has no event, and of a template
    that is not there yet no document.
    """

    saved: Saved
    outcome: ImportOutcome
    origin: Origin


async def export(context: Context, template_id: str) -> tuple[Document, str]:
    """A template and its file.

    Raises:
        NotFound: There is no such template, or the viewer may not know of it.
        NotPermitted: The viewer does not see its drafts, or not who wrote them.
        InvalidInput: The file would be larger than what can be imported again.
    """
    document = decisions.require_visible(
        context.rights, await documents.get(context, template_id, CASE_TYPE_TEMPLATE.name)
    )
    if context.rights.visibility(document) is not Visibility.ALL or not context.rights.sees_persons(
        document.principal
    ):
        raise NotPermitted(
            "Filen innehåller utkast och vem som skrev dem. Du har inte behörighet att se båda.",
            ("id",),
        )
    versions: list[Version] = []
    size = 0
    while more := await context.store.template_exchange.versions(document, after=len(versions)):
        versions += more
        size += sum(len(files.version_as_text(version)) for version in more)
        if size > files.MAX_BYTES:
            raise _too_large()
    text = files.write(
        document, context.principals[document.principal].name, versions, at=context.store.now()
    )
    if len(text) > files.MAX_BYTES:
        raise _too_large()
    return document, text.decode()


def _too_large() -> InvalidInput:
    return InvalidInput.at(
        ("id",), "TOO_LARGE", f"Mallens historik får inte plats i en fil på {files.MAX_BYTES} byte."
    )


async def take_in(
    context: Context,
    *,
    owner: str,
    file: str,
    version: int | None,
    dry_run: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> Imported:
    """Import a version of a template from a file, as a draft.

    Raises:
        NotFound: There is no such owner.
        NotPermitted: The viewer may not make templates there.
        InvalidInput: The file is changed, or none; or its content breaks a rule here. Nothing was
            written.
        WrongState: What was imported before is archived.
    """
    principal, kept_owner = await owner_of(context, owner)
    clinic = kept_owner.key if kept_owner.kind is OwnerKind.CLINIC else None
    held = decisions.require_at(context.rights, Permission.EDIT, principal, clinic, ("owner",))
    act = context.act(held, note)
    taken = await asyncio.to_thread(
        files.read, file, CASE_TYPE_TEMPLATE, version
    )  # recomputing hashes must not hold up everyone else
    place = ("file", "versions", str(taken.index), "content")
    content = validate(CASE_TYPE_TEMPLATE, taken.content, place)
    await open_page_links.require_allowed(context, principal, content.get("links", ()), place)
    if dry_run:
        return await _tried(context, kept_owner.key, taken)
    saved = await context.store.template_exchange.take_in(
        CASE_TYPE_TEMPLATE,
        principal=principal,
        owner=kept_owner,
        content=content,
        origin=taken.origin,
        derived_from=await _known_here(context, taken),
        act=act,
        key=key,
    )
    outcome = ImportOutcome.UNCHANGED
    if saved.event is not None:
        outcome = (
            ImportOutcome.CREATED if saved.event.action is Action.CREATED else ImportOutcome.UPDATED
        )
    return Imported(saved, outcome, taken.origin)


async def _tried(context: Context, owner: str, taken: Taken) -> Imported:
    before = await context.store.template_exchange.imported(owner, taken.origin.document)
    if before is None:
        return Imported(Saved(), ImportOutcome.CREATED, taken.origin)
    document, newest = before
    outcome = (
        ImportOutcome.UPDATED
        if goes_on(document, newest, taken.origin)
        else ImportOutcome.UNCHANGED
    )
    return Imported(Saved(document=document, version=newest), outcome, taken.origin)


async def _known_here(context: Context, taken: Taken) -> Derivation | None:
    """The template version itself, where this registry has it and the viewer sees it: then the
    lineage goes on from there.
    """
    template = await documents.get(context, taken.version.document, CASE_TYPE_TEMPLATE.name)
    found = (
        None if template is None else await versions.get(context, template, taken.version.number)
    )
    return (
        Derivation(found.document, found.number)
        if found is not None and found.hash == taken.version.hash
        else None
    )
