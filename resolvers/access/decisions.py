"""Who may see and do what: one table, one decision.

A role is held for a unit: a principal (the role reaches all its clinics) or a clinic. Everything
that is read, written, compared, listed or
followed is decided by `require`, `holder` or the scope made here. What a viewer may not know of
answers like what does not exist.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from resolvers.access.viewer import LOA3, Grant, Viewer
from store.clinics.filters import Reach
from store.documents.scopes import Scope, Seen, Visibility
from store.errors import NotFound, NotPermitted
from store.kinds.kinds import Kind, Shared
from store.records import (
    Act,
    Actor,
    CentralActivation,
    Clinic,
    Document,
    OwnerKind,
    Principal,
    PrincipalKind,
    Role,
    key_of,
)
from store.registry import Store


class Permission(Enum):
    """What can be allowed, on a principal's own things or a clinic's."""

    EDIT = auto()
    PUBLISH = auto()
    ACTIVATE = auto()
    ARCHIVE = auto()
    DISTRIBUTE = auto()
    SHOW = auto()
    FOLLOW = auto()
    ADAPT = auto()
    ORDER = auto()
    GROUP = auto()
    IMPORT_CLINICS = auto()
    SET_POLICIES = auto()
    MANAGE_ROLES = auto()
    READ_ROLES = auto()
    READ_DRAFTS = auto()
    READ_LOG = auto()
    SEE_PERSONS = auto()
    READ_INBOX = auto()
    ACKNOWLEDGE = auto()
    MANAGE_SUBSCRIPTIONS = auto()
    INTROSPECT = auto()


_ALL = frozenset(Permission) - {
    Permission.ACKNOWLEDGE
}  # how many clinics have acknowledged would say nothing if others could do it for them

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.NATIONAL_ADMINISTRATOR: _ALL,
    Role.REGIONAL_ADMINISTRATOR: _ALL,
    Role.LOCAL_ADMINISTRATOR: frozenset(
        {
            Permission.EDIT,
            Permission.PUBLISH,
            Permission.ACTIVATE,
            Permission.ARCHIVE,
            Permission.SHOW,
            Permission.FOLLOW,
            Permission.ADAPT,
            Permission.ORDER,
            Permission.READ_DRAFTS,
            Permission.READ_INBOX,
            Permission.ACKNOWLEDGE,
        }
    ),
    Role.CLINIC_STAFF: frozenset({Permission.READ_INBOX, Permission.ACKNOWLEDGE}),
    Role.REVIEWER: frozenset(
        {
            Permission.READ_DRAFTS,
            Permission.READ_LOG,
            Permission.SEE_PERSONS,
            Permission.READ_INBOX,
            Permission.READ_ROLES,
        }
    ),
    Role.REPORTER: frozenset({Permission.READ_LOG, Permission.READ_INBOX, Permission.INTROSPECT}),
}
"""What each role may do where it is held, if the principal's policies don't say otherwise
(`_limited`).
"""

_CLINICS_WRITE = frozenset(
    {
        Permission.EDIT,
        Permission.PUBLISH,
        Permission.ACTIVATE,
        Permission.ARCHIVE,
        Permission.FOLLOW,
        Permission.ADAPT,
        Permission.ORDER,
    }
)
"""What clinics may not do where the principal lets no clinic edit."""

_CLINIC_ROLES = frozenset({Role.LOCAL_ADMINISTRATOR, Role.CLINIC_STAFF})
_KINDS_OF_ROLE: Mapping[Role, frozenset[PrincipalKind]] = {
    Role.NATIONAL_ADMINISTRATOR: frozenset({PrincipalKind.NATIONAL}),
    Role.REGIONAL_ADMINISTRATOR: frozenset({PrincipalKind.REGION, PrincipalKind.MUNICIPALITY}),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A role as held for a unit that the registry knows: a clinic, or a principal when `clinic` is
    None.
    """

    role: Role
    unit: str
    principal: str
    clinic: str | None
    national: bool
    permissions: frozenset[Permission]

    def reaches(self, principal: str, clinic: str | None) -> bool:
        """Whether the role is held for something of a principal (`clinic` None) or of one of its
        clinics.
        """
        if self.principal != principal:
            return False
        if self.clinic is not None:
            return self.clinic == clinic
        return clinic is not None or self.role not in _CLINIC_ROLES


@dataclass(frozen=True, slots=True)
class Rights:
    """What a viewer holds, and what of documents follows from it."""

    held: tuple[Held, ...]
    scope: Scope

    def visibility(self, document: Seen) -> Visibility:
        """How much of a document is seen."""
        return self.scope.visibility(document)

    def holder(
        self, permission: Permission, principal: str, clinic: str | None = None
    ) -> Held | None:
        """The role that allows something on a principal's things, or on a clinic's; None where none
        does.
        """
        return next(
            (
                held
                for held in self.held
                if permission in held.permissions and held.reaches(principal, clinic)
            ),
            None,
        )

    def sees_clinic(self, clinic: Clinic) -> bool:
        """Whether a clinic's data may be read."""
        return any(
            held.national or held.reaches(clinic.principal, clinic.key) for held in self.held
        )

    def reads_clinic(self, clinic: str, principal: str) -> bool:
        """The same for a clinic known only by its key and its principal's."""
        return any(held.national or held.reaches(principal, clinic) for held in self.held)

    def sees_persons(self, principal: str) -> bool:
        """Whether the persons behind the acts in a principal's log may be seen, or only role and
        unit.
        """
        return any(
            Permission.SEE_PERSONS in held.permissions
            and held.principal == principal
            and held.clinic is None
            for held in self.held
        )

    def belongs_to(self, principal: str) -> bool:
        """Whether any role is held at a principal or one of its clinics."""
        return any(held.principal == principal for held in self.held)

    def knows_groups(self, principal: str) -> bool:
        """Whether a principal's groups of clinics may be known of: by who holds a role for the
        whole principal, or for all.
        """
        return any(
            held.national or (held.principal == principal and held.clinic is None)
            for held in self.held
        )

    def clinics(self) -> Reach | None:
        """The clinics that may be read; None means all."""
        if any(held.national for held in self.held):
            return None
        return Reach(
            principals=frozenset(held.principal for held in self.held if held.clinic is None),
            clinics=frozenset(held.clinic for held in self.held if held.clinic is not None),
        )


NO_RIGHTS = Rights(held=(), scope=Scope())


async def rights_of(viewer: Viewer, store: Store) -> Rights:
    """What a viewer's grants come to: units that the registry does not know, or that don't fit the
    role, give nothing.

    A person whose token carries no role here has those of the registry's own table. Principals'
    policies limit both.
    """
    principals = await store.principals.known()
    held = await _known(viewer.grants, principals, store)
    if not held and viewer.employee_hsa_id is not None:
        table = await store.role_grants.of_employee(key_of(viewer.employee_hsa_id))
        held = await _known(
            [
                Grant(grant.role, grant.unit, includes_below=grant.unit in principals)
                for grant in table
            ],
            principals,
            store,
        )
    limited = [
        one for one in [await _limited(one, viewer, store) for one in held] if one is not None
    ]
    return Rights(held=tuple(limited), scope=_scope(limited, principals.values(), store.kinds))


async def _known(
    grants: Sequence[Grant], principals: Mapping[str, Principal], store: Store
) -> list[Held]:
    units = {key_of(grant.unit) for grant in grants} - principals.keys()
    clinics = await store.clinics.get_many(units) if units else {}
    return [one for grant in grants if (one := _held(grant, principals, clinics)) is not None]


async def _limited(held: Held, viewer: Viewer, store: Store) -> Held | None:
    """A role as far as the principal's policies let it reach; None where the sign-in is too weak
    for them.

    Policies are read only where they can matter: for clinics' own roles, and for weaker sign-ins.
    """
    strong = viewer.system or viewer.acr == LOA3
    if strong and held.role not in _CLINIC_ROLES:
        return held
    policies = await store.policies.of(held.principal)
    if not strong and policies.lowest_acr == LOA3:
        return None
    if held.role not in _CLINIC_ROLES:
        return held
    denied = set() if policies.clinics_edit else set(_CLINICS_WRITE)
    if policies.central_activation is not CentralActivation.CLINIC:
        denied.add(Permission.SHOW)
    return replace(held, permissions=held.permissions - denied)


def can_be_held(role: Role, kind: PrincipalKind, *, at_clinic: bool) -> bool:
    """Whether a person can be given a role at a principal of a kind, or at one of its clinics."""
    if role is Role.REPORTER:
        return False  # machines' alone
    if at_clinic:
        return role not in _KINDS_OF_ROLE
    return kind in _KINDS_OF_ROLE.get(role, frozenset(PrincipalKind))


def _held(
    grant: Grant, principals: Mapping[str, Principal], clinics: Mapping[str, Clinic]
) -> Held | None:
    key = key_of(grant.unit)
    allowed = PERMISSIONS[grant.role]
    if (clinic := clinics.get(key)) is not None and grant.role not in _KINDS_OF_ROLE:
        return Held(
            grant.role,
            clinic.hsa_id,
            clinic.principal,
            clinic.key,
            national=False,
            permissions=allowed,
        )
    if (principal := principals.get(key)) is None or principal.kind not in _KINDS_OF_ROLE.get(
        grant.role, frozenset(PrincipalKind)
    ):
        return None
    if grant.role in _CLINIC_ROLES and not grant.includes_below:
        return None
    national = principal.kind is PrincipalKind.NATIONAL and grant.role not in _CLINIC_ROLES
    return Held(
        grant.role, principal.hsa_id, principal.key, None, national=national, permissions=allowed
    )


def _scope(held: Iterable[Held], principals: Iterable[Principal], kinds: Iterable[Kind]) -> Scope:
    """The documents that roles let see: their own principal's published ones, what kinds share, and
    drafts where they may read drafts.
    """
    held = tuple(held)
    drafts = [one for one in held if Permission.READ_DRAFTS in one.permissions]
    wide = [one for one in held if one.clinic is None]
    national = frozenset(one.key for one in principals if one.kind is PrincipalKind.NATIONAL)
    return Scope(
        principals=frozenset(
            one.principal for one in drafts if one.clinic is None and one.role not in _CLINIC_ROLES
        ),
        clinics=frozenset(one.clinic for one in drafts if one.clinic is not None),
        clinics_in=frozenset(
            one.principal for one in drafts if one.clinic is None and one.role in _CLINIC_ROLES
        ),
        released_in=frozenset(one.principal for one in wide),
        released_of=frozenset(one.principal for one in held)
        | frozenset(one.clinic for one in held if one.clinic is not None),
        released_templates_of=national if held else frozenset(),
        released_central=any(one.national for one in held),
        within=(
            None
            if any(one.national for one in held)
            else national | {one.principal for one in held}
        ),
        template_kinds=frozenset(kind.name for kind in kinds if kind.shared is Shared.NATIONAL),
        released_kinds=(
            frozenset(kind.name for kind in kinds if kind.shared is Shared.CENTRAL)
            if held
            else frozenset()
        ),
    )


def clinic_of(document: Document) -> str | None:
    """The clinic that owns a document; None where its principal does."""
    return document.owner.key if document.owner.kind is OwnerKind.CLINIC else None


def require_visible(
    rights: Rights, document: Document | None, path: tuple[str, ...] = ("id",)
) -> Document:
    """The document, if the viewer may know of it.

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
) -> tuple[Document, Held]:
    """The document and the role that allows an act on it.

    Raises:
        NotFound: There is none, or the viewer may not know of it.
        NotPermitted: The viewer sees it but may not do this.
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
) -> Held:
    """The role that allows an act at a principal or one of its clinics.

    Raises:
        NotPermitted: No role does.
    """
    held = rights.holder(permission, principal, clinic)
    if held is None:
        raise NotPermitted("Du har inte behörighet att göra detta här.", path)
    return held


def act_of(viewer: Viewer, held: Held, note: str | None, request_id: str) -> Act:
    """Who writes, in which role and for which unit, and why."""
    actor = Actor(
        role=held.role, unit=held.unit, employee_hsa_id=viewer.employee_hsa_id, system=viewer.system
    )
    return Act(actor=actor, note=note, request_id=request_id)
