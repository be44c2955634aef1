"""The development issuer: signs tokens in the shape of Inera's with a key in the data folder.

Anyone who can read the key file can sign in as anyone. The server therefore accepts this issuer
only under the conditions of `Settings.local_issuer`. The first process that needs the key creates
it; all other processes read it.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from resolvers.access import key_files
from resolvers.access.claims import HSA_ID
from resolvers.access.issuers import FixedKeys
from resolvers.access.permissions import CLINIC_ROLES
from resolvers.access.sign_in import SignIn
from resolvers.access.viewer import ACR_LEVELS, LOA3
from store.clinics.hsa_ids import is_organisation_id
from store.records import Role

ISSUER = "https://development.casetypes.invalid"
AUDIENCE = "casetypes"
KEY_FILE = "development-issuer.json"


def token(
    data: Path,
    *,
    role: Role,
    unit: str,
    employee: str | None = None,
    name: str | None = None,
    valid_for: timedelta = timedelta(hours=12),
    acr: str = LOA3,
    now: datetime | None = None,
) -> str:
    """Sign a token as the development issuer.

    Args:
        data: The data folder; the key is created there if it is missing.
        role: The role.
        unit: The HSA-id of the principal or clinic that the role is held for.
        employee: The person's HSA-id. A reporter is a machine: its token has neither `employee`
            nor `name`.
        name: The person's display name.
        valid_for: The time from issue to expiry.
        acr: The level of assurance that the token claims.
        now: The time of issue; the current time by default.

    Returns:
        The token, in ASCII.

    Raises:
        ValueError: The employee is missing, an HSA-id is malformed, the expiry is out of range, or
            the key file cannot be used.
    """
    if not all(re.fullmatch(HSA_ID, hsa_id) for hsa_id in (unit, employee or unit)):
        raise ValueError("An HSA-id has letters, digits and hyphens, at most 31.")
    issued_at = now or datetime.now(UTC)
    try:
        expires_at = issued_at + valid_for
    except OverflowError:
        raise ValueError("A token cannot be valid for that long.") from None
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": str(uuid4()),
        "authorizationScope": [_property(role, unit)],
    }
    if role is Role.REPORTER:
        client = f"development-reporter-{unit}"
        claims |= {"sub": client, "client_id": client}
    elif employee:
        claims |= {"sub": employee, "employeeHsaId": employee, "acr": acr}
        claims |= {"name": name} if name else {}
    else:
        raise ValueError("A person's token needs an employee HSA-id.")
    key = _key(data)
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])


def keys(data: Path) -> KeySet:
    """The development issuer's public key; created if it is missing.

    Raises:
        ValueError: The key file cannot be used.
    """
    return KeySet([ECKey.import_key(_key(data).as_dict(private=False))])


def sign_in(data: Path) -> SignIn:
    """A sign-in that accepts tokens of the development issuer.

    Raises:
        ValueError: The key file cannot be used.
    """
    return SignIn(FixedKeys(keys(data)), issuer=ISSUER, audience=AUDIENCE, acr=ACR_LEVELS)


def _property(role: Role, unit: str) -> dict[str, Any]:
    """The property code of a role at one unit.

    All units below are included, except for a clinic role that is held for a clinic.
    """
    includes_below = is_organisation_id(unit) or role not in CLINIC_ROLES
    sector = {"unitHsaId": unit, "name": unit, "sectorFlag": includes_below}
    commission = {
        "adminCommissionHsaId": unit,
        "adminCommissionResponsibleOrganisation": unit,
        "sector": [sector],
    }
    return {"authorizationScopePropertyCode": role.value, "adminCommissions": [commission]}


def _key(data: Path) -> ECKey:
    path = data / KEY_FILE
    if not path.exists():
        key_files.create(
            path,
            ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True).as_dict(
                private=True
            ),
        )
    try:
        key = ECKey.import_key(json.loads(path.read_bytes()))
    except (JoseError, ValueError, TypeError, KeyError):
        key = None
    if key is None or not key.is_private or key.curve_name != "P-256":
        raise ValueError(
            f"{path} does not hold a private P-256 key. Remove it, and a new one is created."
        )
    key.ensure_kid()
    return key
