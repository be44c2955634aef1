"""Export and import of templates as files.

A file contains every version, including drafts, with its author, because the hashes cover them.
Exports are therefore for viewers who see drafts and persons.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.context import Context
from resolvers.documents import documents, open_page_links, versions
from resolvers.documents.owners import owner_of
from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.kinds.validation import validate
from resolvers.templates import files
from resolvers.templates.files import SelectedVersion
from store.documents.scopes import Visibility
from store.errors import InvalidInput, NotPermitted
from store.idempotency import IdempotencyKey
from store.records import Action, Derivation, Document, Origin, OwnerKind, Saved, Version
from store.templates.exchange import continues_import


class ImportOutcome(StrEnum):
    """The outcome of an import, or of its dry run."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import.

    Attributes:
        saved: What was saved. After a dry run it has no event, and no document where the template
            does not exist yet.
        outcome: The outcome.
        origin: The template version that was imported.
    """

    saved: Saved
    outcome: ImportOutcome
    origin: Origin


async def export(context: Context, template_id: str) -> tuple[Document, str]:
    """Export a template, and return it with its file.

    Raises:
        NotFound: There is no such template, or the viewer may not know of it.
        NotPermitted: The viewer does not see its drafts, or their authors.
        InvalidInput: The file would be larger than an import accepts.
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
    while batch := await context.store.template_exchange.versions(document, after=len(versions)):
        versions += batch
        size += sum(len(files.version_as_text(version)) for version in batch)
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


async def import_(
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
        NotPermitted: The viewer may not create templates there.
        InvalidInput: The file is malformed or was changed, or its content breaks a rule. Nothing
            was written.
        WrongState: The template that was imported before is archived.
    """
    principal, resolved_owner = await owner_of(context, owner)
    clinic = resolved_owner.key if resolved_owner.kind is OwnerKind.CLINIC else None
    held = decisions.require_at(context.rights, Permission.EDIT, principal, clinic, ("owner",))
    act = context.act(held, note)
    # Recomputing the hashes would block the event loop.
    selected = await asyncio.to_thread(files.read, file, CASE_TYPE_TEMPLATE, version)
    path = ("file", "versions", str(selected.index), "content")
    content = validate(CASE_TYPE_TEMPLATE, selected.content, path)
    await open_page_links.require_allowed(context, principal, content.get("links", ()), path)
    if dry_run:
        return await _dry_run(context, resolved_owner.key, selected)
    saved = await context.store.template_exchange.import_version(
        CASE_TYPE_TEMPLATE,
        principal=principal,
        owner=resolved_owner,
        content=content,
        origin=selected.origin,
        derived_from=await _local_source(context, selected),
        act=act,
        key=key,
    )
    outcome = ImportOutcome.UNCHANGED
    if saved.event is not None:
        outcome = (
            ImportOutcome.CREATED if saved.event.action is Action.CREATED else ImportOutcome.UPDATED
        )
    return Imported(saved, outcome, selected.origin)


async def _dry_run(context: Context, owner: str, selected: SelectedVersion) -> Imported:
    existing = await context.store.template_exchange.imported(owner, selected.origin.document)
    if existing is None:
        return Imported(Saved(), ImportOutcome.CREATED, selected.origin)
    document, newest = existing
    outcome = (
        ImportOutcome.UPDATED
        if continues_import(document, newest, selected.origin)
        else ImportOutcome.UNCHANGED
    )
    return Imported(Saved(document=document, version=newest), outcome, selected.origin)


async def _local_source(context: Context, selected: SelectedVersion) -> Derivation | None:
    """The imported version itself, where this registry has it and the viewer sees it.

    The lineage then continues from there.
    """
    template = await documents.get(context, selected.version.document, CASE_TYPE_TEMPLATE.name)
    found = (
        None if template is None else await versions.get(context, template, selected.version.number)
    )
    return (
        Derivation(found.document, found.number)
        if found is not None and found.hash == selected.version.hash
        else None
    )
