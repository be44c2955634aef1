"""Who asks now: the viewer of a request or a socket, as its verified token says.

Not here: what a viewer may do (access), and whether the registry knows the units (access). A
viewer's rights end at `expires_at`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from store.records import Role

LOA3: Final = "http://id.sambi.se/loa/loa3"
LOA2: Final = "http://id.sambi.se/loa/loa2"
AcrLevel = Literal["http://id.sambi.se/loa/loa3", "http://id.sambi.se/loa/loa2"]
ACR_LEVELS: tuple[AcrLevel, ...] = (LOA3, LOA2)
"""Levels of assurance of a sign-in, the strongest first."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held for a unit: its HSA-id as given, and whether all units below are included."""

    role: Role
    unit: str
    includes_below: bool


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person, or a machine (`system`), which has neither employee HSA-id nor name.

    `grants` has no repetitions and keeps the token's order; it may be empty. `expires_at` is in
    UTC. `acr` is the level of assurance as the
    issuer named it, `token_id` the token's own id where it has one.
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
