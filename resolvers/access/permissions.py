"""Permissions, and the roles that grant them."""

from collections.abc import Mapping
from enum import Enum, auto

from store.records import PrincipalKind, Role


class Permission(Enum):
    """A permission that a role can give on the data of a principal or of a clinic."""

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


_ALL = frozenset(Permission) - {Permission.ACKNOWLEDGE}
"""Everything but acknowledging: only a clinic itself acknowledges its notifications."""

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
"""The permissions of each role where it is held; policies of the principal can remove some."""

CLINIC_EDITING = frozenset(
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
"""The permissions that clinics lose where their principal's policy lets no clinic edit."""

CLINIC_ROLES = frozenset({Role.LOCAL_ADMINISTRATOR, Role.CLINIC_STAFF})
"""Roles that concern clinics only, even when they are held for a principal."""

_PRINCIPAL_KINDS_OF_ROLE: Mapping[Role, frozenset[PrincipalKind]] = {
    Role.NATIONAL_ADMINISTRATOR: frozenset({PrincipalKind.NATIONAL}),
    Role.REGIONAL_ADMINISTRATOR: frozenset({PrincipalKind.REGION, PrincipalKind.MUNICIPALITY}),
}
"""Roles that only principals of certain kinds can have; all other roles fit every kind."""


def principal_kinds_of(role: Role) -> frozenset[PrincipalKind]:
    """The kinds of principal that a role can be held for."""
    return _PRINCIPAL_KINDS_OF_ROLE.get(role, frozenset(PrincipalKind))


def fits_clinic(role: Role) -> bool:
    """Whether a role can be held for a single clinic."""
    return role not in _PRINCIPAL_KINDS_OF_ROLE


def can_be_held(role: Role, kind: PrincipalKind, *, at_clinic: bool) -> bool:
    """Whether a person can be given a role at a principal of a kind, or at one of its clinics."""
    if role is Role.REPORTER:
        return False  # for machines only
    return fits_clinic(role) if at_clinic else kind in principal_kinds_of(role)
