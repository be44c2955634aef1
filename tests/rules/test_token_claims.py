"""The claims of a token become grants, a level of assurance and a name."""

from collections.abc import Mapping
from typing import Any

import pytest

from resolvers.access.viewer import LOA3, Grant
from store.records import Role
from tests.rules.tokens import ISSUER, NOW, Clock, person, refusal, scope, sign_in, signed


async def test_each_sector_of_each_property_is_a_grant() -> None:
    sectors = [
        {"unitHsaId": "SE2321000016-c1", "name": None, "sectorFlag": False},
        {"unitHsaId": "se2321000016-C2"},
    ]
    local = {
        "authorizationScopePropertyCode": "LOCAL_ADMINISTRATOR",
        "adminCommissions": [{"sector": sectors}, {"sector": sectors[:1]}],
    }
    claims = person(
        authorizationScope=[
            local,
            scope("REVIEWER", "SE2321000024"),
            scope("REVIEWER", "SE2321000024", flag=False),
        ]
    )

    viewer = await sign_in().viewer(signed(claims))

    assert viewer.grants == (
        Grant(Role.LOCAL_ADMINISTRATOR, "SE2321000016-c1", includes_below=False),
        Grant(Role.LOCAL_ADMINISTRATOR, "se2321000016-C2", includes_below=False),
        Grant(Role.REVIEWER, "SE2321000024", includes_below=True),
        Grant(Role.REVIEWER, "SE2321000024", includes_below=False),
    )


async def test_unknown_property_codes_grant_nothing_whatever_their_content() -> None:
    odd = {"authorizationScopePropertyCode": "JOURNAL_ADMIN", "adminCommissions": {"sector": 5}}
    lower = scope("regional_administrator")

    assert (await sign_in().viewer(signed(person(authorizationScope=[odd, lower])))).grants == ()
    assert (await sign_in().viewer(signed(person(authorizationScope=None)))).grants == ()
    assert (
        await sign_in().viewer(
            signed(person(authorizationScope=[{"authorizationScopePropertyCode": "REVIEWER"}]))
        )
    ).grants == ()


async def test_an_installation_can_name_its_property_codes() -> None:
    verifier = sign_in(roles={"1177-LA": Role.LOCAL_ADMINISTRATOR})
    claims = person(
        authorizationScope=[
            scope("1177-LA", "SE2321000016-c1", flag=False),
            scope("LOCAL_ADMINISTRATOR"),
        ]
    )

    assert (await verifier.viewer(signed(claims))).grants == (
        Grant(Role.LOCAL_ADMINISTRATOR, "SE2321000016-c1", includes_below=False),
    )


async def test_an_installation_chooses_the_levels_of_assurance() -> None:
    verifier = sign_in(acr=(LOA3, "http://id.sambi.se/loa/loa2"))

    assert (
        await verifier.viewer(signed(person(acr="http://id.sambi.se/loa/loa2")))
    ).acr == "http://id.sambi.se/loa/loa2"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "  Åsa\n\tÖberg "}, "Åsa Öberg"),
        ({"name": None, "given_name": "Åsa", "family_name": "Öberg"}, "Åsa Öberg"),
        ({"name": "A\u202eB\0"}, "AB"),
        ({"name": "x" * 300}, "x" * 200),
        ({"name": None}, None),
        ({"name": " "}, None),
    ],
)
async def test_the_name_is_shown_in_one_line(claims: Mapping[str, Any], name: str | None) -> None:
    assert (await sign_in().viewer(signed(person(**claims)))).name == name


@pytest.mark.parametrize(
    ("changes", "seconds", "reason"),
    [
        ({}, 600, "expired"),
        ({}, 100_000, "expired"),
        ({"nbf": NOW.timestamp() + 31}, 0, "not valid yet"),
        ({"iat": NOW.timestamp() + 31}, 0, "not valid yet"),
        ({"iss": "https://evil.example.se"}, 0, "another issuer"),
        ({"iss": ISSUER + "/"}, 0, "another issuer"),
        ({"iss": None}, 0, "malformed"),
        ({"aud": "other"}, 0, "another audience"),
        ({"aud": "casetypes2"}, 0, "another audience"),
        ({"aud": []}, 0, "another audience"),
        ({"aud": None}, 0, "malformed"),
        ({"sub": None}, 0, "malformed"),
        ({"sub": ""}, 0, "malformed"),
        ({"exp": None}, 0, "malformed"),
        ({"exp": str(NOW.timestamp() + 600)}, 0, "malformed"),
        ({"exp": True}, 0, "malformed"),
        ({"exp": 1e300}, 0, "malformed"),
        ({"exp": float("nan")}, 0, "malformed"),
        ({"exp": float("inf")}, 0, "malformed"),
        ({"exp": -1}, 0, "malformed"),
        ({"nbf": "now"}, 0, "malformed"),
        ({"employeeHsaId": None}, 0, "employee HSA-id"),
        ({"employeeHsaId": None, "client_id": "portal", "azp": "portal"}, 0, "employee HSA-id"),
        ({"employeeHsaId": ""}, 0, "malformed"),
        ({"employeeHsaId": "SE2321000016-anna\n"}, 0, "malformed"),
        ({"employeeHsaId": {"$ne": 1}}, 0, "malformed"),
        ({"acr": None}, 0, "level of assurance"),
        ({"acr": "http://id.sambi.se/loa/loa2"}, 0, "level of assurance"),
        ({"acr": LOA3 + "/"}, 0, "level of assurance"),
        ({"acr": LOA3.upper()}, 0, "level of assurance"),
        ({"acr": [LOA3]}, 0, "malformed"),
        ({"name": 5}, 0, "malformed"),
        ({"authorizationScope": "REGIONAL_ADMINISTRATOR"}, 0, "malformed"),
        ({"authorizationScope": [scope() | {"adminCommissions": "SE2321000016"}]}, 0, "malformed"),
        (
            {
                "authorizationScope": [
                    scope() | {"adminCommissions": [{"sector": [{"sectorFlag": True}]}]}
                ]
            },
            0,
            "malformed",
        ),
        (
            {
                "authorizationScope": [
                    scope()
                    | {
                        "adminCommissions": [
                            {"sector": [{"unitHsaId": "SE1", "sectorFlag": "true"}]}
                        ]
                    }
                ]
            },
            0,
            "malformed",
        ),
        ({"authorizationScope": [scope(unit="../evil")]}, 0, "malformed"),
    ],
)
async def test_claims_that_do_not_sign_in_are_refused(
    changes: Mapping[str, Any], seconds: float, reason: str
) -> None:
    clock = Clock()
    clock.seconds = seconds

    assert reason in await refusal(signed(person(**changes)), sign_in(clock))
