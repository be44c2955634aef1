"""Local adaptations: a clinic's own replies and terms on a central case type."""

from collections.abc import Mapping
from typing import Any

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import clinics
from resolvers.clinics.distribution import require_central
from resolvers.context import Context
from resolvers.documents import documents
from resolvers.kinds.local_adaptations import LOCAL_ADAPTATION
from resolvers.kinds.validation import validate
from store.clinics.local_adaptations import adaptation_id
from store.errors import NotFound
from store.idempotency import IdempotencyKey
from store.records import Clinic, Content, Document, Saved


async def get(context: Context, clinic: Clinic, case_type: str) -> Document | None:
    """A clinic's adaptation of a case type that the viewer may know of; else None."""
    return await documents.get(context, adaptation_id(case_type, clinic.key), LOCAL_ADAPTATION.name)


async def case_type_of(context: Context, adaptation: Document) -> Document | None:
    """The central case type that an adaptation belongs to."""
    return await context.loaders.documents.load(adaptation.subject or "")


async def save(
    context: Context,
    clinic: str,
    case_type: str,
    *,
    content: Mapping[str, Any],
    expected_version: int,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Save and publish a clinic's replies and terms on a central case type that it has.

    Args:
        context: The caller's.
        clinic: HSA-id.
        case_type: Id of a central case type.
        content: The whole new content, without `writtenFor`.
        expected_version: The number that the caller last read; 0 for the first version.
        note: Why.
        key: Makes a retry safe.

    Raises:
        NotFound: There is no such clinic or case type, or no adaptation to change.
        NotPermitted: The viewer may not write for the clinic.
        InvalidInput: A text breaks a rule, or the clinic does not have the case type.
        VersionConflict: Someone saved first.
        WrongState: The adaptation is archived.
    """
    found = await clinics.require(context, clinic, ("clinic",))
    document = decisions.require_visible(
        context.rights, await documents.get(context, case_type, "CASE_TYPE"), ("caseType",)
    )
    held = decisions.require_at(
        context.rights, Permission.ADAPT, found.principal, found.key, ("clinic",)
    )
    require_central(document)
    if document.principal != found.principal:
        raise NotFound("Ärendetypen finns inte hos mottagningens huvudman.", ("caseType",))
    return await context.store.adaptations.save(
        LOCAL_ADAPTATION,
        document,
        found,
        content=_checked(content),
        expected_version=expected_version,
        act=context.act(held, note),
        key=key,
    )


def _checked(content: Mapping[str, Any]) -> Content:
    """The validated replies and terms as they are stored; `writtenFor` is set by the store."""
    checked = validate(LOCAL_ADAPTATION, {**content, "writtenFor": 1}, path=())
    return {name: value for name, value in checked.items() if name != "writtenFor"}
