"""Access decisions: whether a viewer may see a document, and which role allows an act.

Every read, write, comparison, list and subscription is decided by the functions here or by the
scope of `Rights`. A document that a viewer may not know of is answered like one that does not
exist.
"""

from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole, Rights
from resolvers.access.viewer import Viewer
from store.documents.scopes import Visibility
from store.errors import NotFound, NotPermitted
from store.records import Act, Actor, Document, OwnerKind


def clinic_of(document: Document) -> str | None:
    """The key of the clinic that owns a document; None where a principal owns it."""
    return document.owner.key if document.owner.kind is OwnerKind.CLINIC else None


def require_visible(
    rights: Rights, document: Document | None, path: tuple[str, ...] = ("id",)
) -> Document:
    """Return the document if the viewer may know of it.

    Raises:
        NotFound: There is none, or the viewer may not know of it.
    """
    if document is None or rights.visibility(document) is Visibility.NOTHING:
        raise NotFound("Dokumentet finns inte.", path)
    return document


def require(
    rights: Rights,
    permission: Permission,
    document: Document | None,
    path: tuple[str, ...] = ("id",),
) -> tuple[Document, HeldRole]:
    """Return the document and the role that allows an act on it.

    Raises:
        NotFound: There is none, or the viewer may not know of it.
        NotPermitted: The viewer sees it but lacks the permission.
    """
    document = require_visible(rights, document, path)
    held = rights.holder(permission, document.principal, clinic_of(document))
    if held is None:
        raise NotPermitted("Du har inte behörighet att göra detta med dokumentet.", path)
    return document, held


def require_at(
    rights: Rights,
    permission: Permission,
    principal: str,
    clinic: str | None,
    path: tuple[str, ...],
) -> HeldRole:
    """Return the role that allows an act at a principal or one of its clinics.

    Raises:
        NotPermitted: No role allows it.
    """
    held = rights.holder(permission, principal, clinic)
    if held is None:
        raise NotPermitted("Du har inte behörighet att göra detta här.", path)
    return held


def act_of(viewer: Viewer, held: HeldRole, note: str | None, request_id: str) -> Act:
    """The act of a viewer in a role: who writes, for which unit, and why."""
    actor = Actor(
        role=held.role, unit=held.unit, employee_hsa_id=viewer.employee_hsa_id, system=viewer.system
    )
    return Act(actor=actor, note=note, request_id=request_id)
