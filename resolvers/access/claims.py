"""The header and claims of a token, as far as sign-in reads them.

Source: RFC 7519; claims as in Inera's identity provider.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

HSA_ID = "[A-Za-z0-9-]{1,31}"
"""The pattern of HSA-ids in tokens: wide enough for test systems and organisation ids."""

_MAX_NAME = 200

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]


class _TokenModel(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class Header(_TokenModel):
    """A token's header.

    Critical extensions are not supported, so `crit` must be absent.
    """

    alg: Algorithm
    kid: Annotated[str, Field(min_length=1, max_length=255)]
    typ: str = "JWT"
    crit: None = None


_HsaId = Annotated[str, Field(pattern=f"^{HSA_ID}$")]
_Time = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]  # year 9999


class Sector(_TokenModel):
    """A unit, and whether all units below it are included."""

    unit_hsa_id: _HsaId = Field(alias="unitHsaId")
    sector_flag: bool = Field(default=False, alias="sectorFlag")


class Commission(_TokenModel):
    """A commission: the units that a property code is held for."""

    sector: list[Sector]


class ScopeProperty(_TokenModel):
    """One property code of `authorizationScope`.

    Its commissions are validated only where the code is known: other codes belong to other systems.
    """

    code: str = Field(alias="authorizationScopePropertyCode")
    commissions: Any = Field(default=(), alias="adminCommissions")


COMMISSIONS = TypeAdapter(list[Commission])
"""Validates the commissions of a known property code."""


class Claims(_TokenModel):
    """The claims that sign-in reads; all others are ignored."""

    iss: str
    sub: Annotated[str, Field(pattern=r"^[\x20-\x7E]{1,255}$")]
    aud: str | list[str]
    exp: _Time
    nbf: _Time = 0
    iat: _Time = 0
    jti: Annotated[str, Field(max_length=255)] | None = None
    acr: str | None = None
    amr: Any = None
    azp: str | None = None
    client_id: str | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    employee_hsa_id: _HsaId | None = Field(default=None, alias="employeeHsaId")
    commission_hsa_id: Any = Field(default=None, alias="commissionHsaId")
    authorization_scope: list[ScopeProperty] | None = Field(
        default=None, alias="authorizationScope"
    )

    @property
    def is_machine(self) -> bool:
        """Whether a client signed in for itself.

        A person's token without employee HSA-id must not count as a machine's.
        """
        person_claims = (
            self.employee_hsa_id,
            self.commission_hsa_id,
            self.amr,
            self.name,
            self.given_name,
            self.family_name,
        )
        return bool(self.client_id or self.azp) and all(claim is None for claim in person_claims)

    @property
    def display_name(self) -> str | None:
        """The person's name on one line, without characters that do not print."""
        name = self.name or " ".join(part for part in (self.given_name, self.family_name) if part)
        shown = "".join(
            character for character in " ".join(name.split()) if character.isprintable()
        )
        return shown[:_MAX_NAME] or None
