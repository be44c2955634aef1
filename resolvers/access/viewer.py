"""The viewer of a request or socket, as stated by its verified token.

What the viewer may do, and which of the units the registry knows, is decided in
`resolvers.access.rights`. A viewer's rights end at `expires_at`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from store.records import Role

LOA3: Final = "http://id.sambi.se/loa/loa3"
LOA2: Final = "http://id.sambi.se/loa/loa2"
AcrLevel = Literal["http://id.sambi.se/loa/loa3", "http://id.sambi.se/loa/loa2"]
ACR_LEVELS: tuple[AcrLevel, ...] = (LOA3, LOA2)
"""Levels of assurance of a sign-in, strongest first."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for a unit: its HSA-id as the token has it, and whether units below are included."""

    role: Role
    unit: str
    includes_below: bool


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person, or a machine, which has neither employee HSA-id nor name.

    Attributes:
        subject: The token's `sub`.
        employee_hsa_id: The person's HSA-id.
        name: The person's display name.
        grants: In the token's order, without duplicates; can be empty.
        expires_at: When the token expires, in UTC.
        acr: The level of assurance, as the issuer names it.
        system: Whether the viewer is a machine.
        issuer: The token's `iss`.
        token_id: The token's `jti`, where it has one.
    """

    subject: str
    employee_hsa_id: str | None
    name: str | None
    grants: tuple[Grant, ...]
    expires_at: datetime
    acr: str | None = None
    system: bool = False
    issuer: str | None = None
    token_id: str | None = None
