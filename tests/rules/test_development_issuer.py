"""The development issuer: tokens of one installation, and its key file."""

import multiprocessing
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from resolvers.access import development_issuer
from resolvers.access.viewer import LOA3, Grant
from store.records import Role
from tests.rules.tokens import refusal


@pytest.mark.parametrize(
    ("role", "unit", "includes_below"),
    [
        (Role.NATIONAL_ADMINISTRATOR, "SE5565594230", True),
        (Role.REGIONAL_ADMINISTRATOR, "SE2321000016", True),
        (Role.LOCAL_ADMINISTRATOR, "SE2321000016-c1", False),
        (Role.LOCAL_ADMINISTRATOR, "SE2321000016", True),
        (Role.CLINIC_STAFF, "SE2321000016-c1", False),
        (Role.REVIEWER, "SE2321000016", True),
    ],
)
async def test_a_development_token_signs_in_a_person(
    tmp_path: Path, role: Role, unit: str, includes_below: bool
) -> None:
    token = development_issuer.token(
        tmp_path,
        role=role,
        unit=unit,
        employee="SE2321000016-anna",
        name="Anna Åberg",
        valid_for=timedelta(hours=1),
    )

    viewer = await development_issuer.sign_in(tmp_path).viewer(token)

    assert token.isascii()
    assert timedelta(minutes=59) < viewer.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert viewer == replace(
        viewer,
        subject="SE2321000016-anna",
        employee_hsa_id="SE2321000016-anna",
        name="Anna Åberg",
        grants=(Grant(role, unit, includes_below),),
        acr=LOA3,
        system=False,
        issuer="https://development.casetypes.invalid",
    )


@pytest.mark.parametrize(("employee", "name"), [(None, None), ("SE2321000016-anna", "Anna")])
async def test_a_development_reporter_is_a_machine(
    tmp_path: Path, employee: str | None, name: str | None
) -> None:
    token = development_issuer.token(
        tmp_path, role=Role.REPORTER, unit="SE2321000016", employee=employee, name=name
    )

    viewer = await development_issuer.sign_in(tmp_path).viewer(token)

    assert (viewer.system, viewer.employee_hsa_id, viewer.name, viewer.acr) == (
        True,
        None,
        None,
        None,
    )
    assert viewer.subject == "development-reporter-SE2321000016"
    assert viewer.grants == (Grant(Role.REPORTER, "SE2321000016", includes_below=True),)


async def test_a_development_token_expires_and_works_with_no_other_issuer(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "role": Role.REVIEWER,
        "unit": "SE2321000016",
        "employee": "SE2321000016-anna",
    }
    verifier = development_issuer.sign_in(tmp_path)

    ended = development_issuer.token(
        tmp_path,
        now=datetime.now(UTC) - timedelta(hours=2),
        valid_for=timedelta(hours=1),
        **options,
    )
    assert "expired" in await refusal(ended, verifier)
    weak = development_issuer.token(tmp_path, acr="http://id.sambi.se/loa/loa1", **options)
    assert "level of assurance" in await refusal(weak, verifier)
    assert "signature" in await refusal(
        development_issuer.token(tmp_path / "other", **options), verifier
    )
    assert "signature" in await refusal(development_issuer.token(tmp_path, **options))


def test_a_development_token_needs_valid_ids(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs an employee HSA-id"):
        development_issuer.token(tmp_path, role=Role.REVIEWER, unit="SE2321000016")
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        development_issuer.token(
            tmp_path, role=Role.REVIEWER, unit="SE2321000016\n", employee="anna"
        )
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        development_issuer.token(tmp_path, role=Role.REVIEWER, unit="SE2321000016", employee="åsa")
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        development_issuer.token(tmp_path, role=Role.REPORTER, unit="")
    with pytest.raises(ValueError, match="valid for that long"):
        development_issuer.token(
            tmp_path, role=Role.REPORTER, unit="SE2321000016", valid_for=timedelta(seconds=10**12)
        )


def _key_id(data: str, start: Any) -> str:
    start.wait()
    return str(development_issuer.keys(Path(data)).keys[0].kid)


def test_processes_that_start_together_create_one_development_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    data = tmp_path / "new" / "data"
    with context.Manager() as manager, context.Pool(6) as pool:
        found = pool.starmap(_key_id, [(str(data), manager.Barrier(6))] * 6)

    assert len(set(found)) == 1
    assert [path.name for path in data.iterdir()] == ["development-issuer.json"]
    assert stat.S_IMODE((data / "development-issuer.json").stat().st_mode) == 0o600


def test_only_the_public_half_of_the_development_key_is_returned(tmp_path: Path) -> None:
    keys = development_issuer.keys(tmp_path)

    assert not any(key.is_private for key in keys)
    assert keys == development_issuer.keys(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "5", "{}", '{"kty": "EC"}', '{"kty":"oct","k":"c2VjcmV0"}']
)
def test_a_damaged_key_file_is_reported_and_not_changed(tmp_path: Path, content: str) -> None:
    path = tmp_path / "development-issuer.json"
    path.write_text(content)

    with pytest.raises(ValueError, match="does not hold a private P-256 key"):
        development_issuer.keys(tmp_path)

    assert path.read_text() == content
