"""The roles that a viewer holds, and the documents that follow from them.

A role is held for a unit: a principal (the role then reaches all its clinics) or a clinic.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from resolvers.access.permissions import (
    CLINIC_EDITING,
    CLINIC_ROLES,
    PERMISSIONS,
    Permission,
    fits_clinic,
    principal_kinds_of,
)
from resolvers.access.viewer import LOA3, Grant, Viewer
from store.clinics.filters import ClinicScope
from store.documents.scopes import Scope, ScopedDocument, Visibility
from store.kinds.kinds import Kind, Sharing
from store.records import CentralActivation, Clinic, Principal, PrincipalKind, Role, key_of
from store.registry import Store


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that a viewer holds for a unit of the registry.

    Attributes:
        role: The role.
        unit: The HSA-id of the principal or clinic.
        principal: The principal's key; for a clinic, that of its principal.
        clinic: The clinic's key; None where the role is held for a principal.
        national: Whether it is held for the national management and is not a clinic role.
        permissions: Its permissions, as limited by the principal's policies.
    """

    role: Role
    unit: str
    principal: str
    clinic: str | None
    national: bool
    permissions: frozenset[Permission]

    def reaches(self, principal: str, clinic: str | None) -> bool:
        """Whether the role covers a principal (`clinic` is None) or one of its clinics."""
        if self.principal != principal:
            return False
        if self.clinic is not None:
            return self.clinic == clinic
        return clinic is not None or self.role not in CLINIC_ROLES


class Rights(Protocol):
    """What a viewer may see and do.

    Implemented by `RoleRights`, and by `resolvers.live.watched_rights.WatchedRights`, which records
    every question to the rights of another object.
    """

    @property
    def held(self) -> tuple[HeldRole, ...]:
        """The roles, in the order of the viewer's grants."""

    @property
    def scope(self) -> Scope:
        """The documents that the viewer sees, for the store's queries."""

    def visibility(self, document: ScopedDocument) -> Visibility:
        """How much of a document the viewer sees."""

    def holder(
        self, permission: Permission, principal: str, clinic: str | None = None
    ) -> HeldRole | None:
        """The first role with a permission on a principal, or on its clinic; None if no role."""

    def sees_clinic(self, clinic: Clinic) -> bool:
        """Whether the viewer may read a clinic's data."""

    def reads_clinic(self, clinic: str, principal: str) -> bool:
        """Whether the viewer may read the data of a clinic, by its key and its principal's key."""

    def sees_persons(self, principal: str) -> bool:
        """Whether the viewer sees persons in a principal's log, and not only role and unit."""

    def belongs_to(self, principal: str) -> bool:
        """Whether the viewer holds any role at a principal or one of its clinics."""

    def knows_groups(self, principal: str) -> bool:
        """Whether the viewer sees a principal's clinic groups."""

    def clinics(self) -> ClinicScope | None:
        """The clinics that the viewer may read; None means all."""


@dataclass(frozen=True, slots=True)
class RoleRights:
    """The rights that follow from the roles that a viewer holds.

    Attributes:
        held: The roles, in the order of the viewer's grants.
        scope: The documents that the viewer sees, for the store's queries.
    """

    held: tuple[HeldRole, ...]
    scope: Scope

    def visibility(self, document: ScopedDocument) -> Visibility:
        """How much of a document the viewer sees."""
        return self.scope.visibility(document)

    def holder(
        self, permission: Permission, principal: str, clinic: str | None = None
    ) -> HeldRole | None:
        """See `Rights`."""
        return next(
            (
                held
                for held in self.held
                if permission in held.permissions and held.reaches(principal, clinic)
            ),
            None,
        )

    def sees_clinic(self, clinic: Clinic) -> bool:
        """See `Rights`."""
        return self.reads_clinic(clinic.key, clinic.principal)

    def reads_clinic(self, clinic: str, principal: str) -> bool:
        """See `Rights`."""
        return any(held.national or held.reaches(principal, clinic) for held in self.held)

    def sees_persons(self, principal: str) -> bool:
        """See `Rights`."""
        return any(
            Permission.SEE_PERSONS in held.permissions
            and held.principal == principal
            and held.clinic is None
            for held in self.held
        )

    def belongs_to(self, principal: str) -> bool:
        """See `Rights`."""
        return any(held.principal == principal for held in self.held)

    def knows_groups(self, principal: str) -> bool:
        """Whether the viewer sees a principal's clinic groups.

        That takes a role for the whole principal, or a national one.
        """
        return any(
            held.national or (held.principal == principal and held.clinic is None)
            for held in self.held
        )

    def clinics(self) -> ClinicScope | None:
        """The clinics that the viewer may read; None means all."""
        if any(held.national for held in self.held):
            return None
        return ClinicScope(
            principals=frozenset(held.principal for held in self.held if held.clinic is None),
            clinics=frozenset(held.clinic for held in self.held if held.clinic is not None),
        )


NO_RIGHTS: Rights = RoleRights(held=(), scope=Scope())


async def rights_of(viewer: Viewer, store: Store) -> Rights:
    """The rights that a viewer has now.

    Grants for units that the registry does not know, or that do not fit the role, give nothing.
    A person whose token gives no role gets the roles of the registry's own table. In both cases,
    policies of the principal can limit them.
    """
    principals = await store.principals.known()
    held = await _held_roles(viewer.grants, principals, store)
    if not held and viewer.employee_hsa_id is not None:
        table = await store.role_grants.of_employee(key_of(viewer.employee_hsa_id))
        held = await _held_roles(
            [
                Grant(grant.role, grant.unit, includes_below=grant.unit in principals)
                for grant in table
            ],
            principals,
            store,
        )
    candidates = [await _limited(role, viewer, store) for role in held]
    limited = [role for role in candidates if role is not None]
    return RoleRights(held=tuple(limited), scope=_scope(limited, principals.values(), store.kinds))


async def _held_roles(
    grants: Sequence[Grant], principals: Mapping[str, Principal], store: Store
) -> list[HeldRole]:
    units = {key_of(grant.unit) for grant in grants} - principals.keys()
    clinics = await store.clinics.get_many(units) if units else {}
    candidates = (_held_role(grant, principals, clinics) for grant in grants)
    return [role for role in candidates if role is not None]


def _held_role(
    grant: Grant, principals: Mapping[str, Principal], clinics: Mapping[str, Clinic]
) -> HeldRole | None:
    key = key_of(grant.unit)
    permissions = PERMISSIONS[grant.role]
    if (clinic := clinics.get(key)) is not None and fits_clinic(grant.role):
        return HeldRole(
            grant.role,
            clinic.hsa_id,
            clinic.principal,
            clinic.key,
            national=False,
            permissions=permissions,
        )
    principal = principals.get(key)
    if principal is None or principal.kind not in principal_kinds_of(grant.role):
        return None
    if grant.role in CLINIC_ROLES and not grant.includes_below:
        return None
    national = principal.kind is PrincipalKind.NATIONAL and grant.role not in CLINIC_ROLES
    return HeldRole(
        grant.role,
        principal.hsa_id,
        principal.key,
        None,
        national=national,
        permissions=permissions,
    )


async def _limited(held: HeldRole, viewer: Viewer, store: Store) -> HeldRole | None:
    """A role as limited by the principal's policies; None where the sign-in is too weak.

    Policies are read only where they can matter: for clinic roles and for weaker sign-ins.
    """
    strong = viewer.system or viewer.acr == LOA3
    if strong and held.role not in CLINIC_ROLES:
        return held
    policies = await store.policies.of(held.principal)
    if not strong and policies.lowest_acr == LOA3:
        return None
    if held.role not in CLINIC_ROLES:
        return held
    denied = set() if policies.clinics_edit else set(CLINIC_EDITING)
    if policies.central_activation is not CentralActivation.CLINIC:
        denied.add(Permission.SHOW)
    return replace(held, permissions=held.permissions - denied)


def _scope(
    roles: Sequence[HeldRole], principals: Iterable[Principal], kinds: Iterable[Kind]
) -> Scope:
    """The documents that roles make visible.

    These are the published documents of their own principals, those that kinds share, and drafts
    where a role has `READ_DRAFTS`.
    """
    drafts = [role for role in roles if Permission.READ_DRAFTS in role.permissions]
    everywhere = any(role.national for role in roles)
    national = frozenset(
        principal.key for principal in principals if principal.kind is PrincipalKind.NATIONAL
    )
    own = frozenset(role.principal for role in roles)
    return Scope(
        principals=frozenset(
            role.principal
            for role in drafts
            if role.clinic is None and role.role not in CLINIC_ROLES
        ),
        clinics=frozenset(role.clinic for role in drafts if role.clinic is not None),
        clinics_in=frozenset(
            role.principal for role in drafts if role.clinic is None and role.role in CLINIC_ROLES
        ),
        released_in=frozenset(role.principal for role in roles if role.clinic is None),
        released_of=own | frozenset(role.clinic for role in roles if role.clinic is not None),
        released_templates_of=national if roles else frozenset(),
        released_central=everywhere,
        within=None if everywhere else national | own,
        template_kinds=frozenset(kind.name for kind in kinds if kind.shared is Sharing.NATIONAL),
        released_kinds=(
            frozenset(kind.name for kind in kinds if kind.shared is Sharing.CENTRAL)
            if roles
            else frozenset()
        ),
    )
