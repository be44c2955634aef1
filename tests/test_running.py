"""The guide to running the registry: its commands work, and the example deployment is valid."""

import asyncio
import os
import re
import shlex
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo.uri_parser import parse_uri

from settings import Settings
from store.mongo.connection import connect
from tests.world import World

ROOT = Path(__file__).parent.parent
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Any] = COMPOSE["services"]
SERVERS = ("server-1", "server-2")
MEMBERS = ["mongo-1", "mongo-2", "mongo-3"]


async def test_the_commands_of_the_guide_work(
    world: World, mongodb_uri: str, tmp_path: Path
) -> None:
    await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
    commands = re.findall(
        r"(?ms)^```sh\n(.*?)^```",
        (ROOT / "docs" / "guides" / "running.md").read_text(encoding="utf-8"),
    )
    database = world.api.store.database.name
    restored = f"{database}_restored"
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CASETYPES_MONGODB_URI": mongodb_uri,
        "CASETYPES_DATABASE": database,
    }
    script = "\n".join(commands).replace(
        "CASETYPES_DATABASE=tried", f"CASETYPES_DATABASE={restored}"
    )

    shell = await asyncio.create_subprocess_exec(
        "sh", "-euc", script, cwd=tmp_path, env=environment, stdout=PIPE, stderr=PIPE
    )
    _, errors = await shell.communicate()

    assert shell.returncode == 0, errors.decode()
    assert len(commands) == 3
    client = connect(mongodb_uri)
    try:
        versions = await client[restored]["versions"].count_documents({})
    finally:
        await client.drop_database(restored)
        await client.close()
    assert versions == await world.api.store.database.count("versions", {}) == 3


@pytest.mark.parametrize("server", SERVERS)
def test_the_servers_of_the_deployment_have_settings_that_exist(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment: Mapping[str, str] = SERVICES[server]["environment"]
    for name, value in environment.items():
        monkeypatch.setenv(name, re.sub(r"\$\{OIDC_ISSUER:.*\}", "https://login.example.se", value))

    settings = Settings()

    configured = {name.removeprefix("CASETYPES_").lower() for name in environment}
    assert configured <= set(Settings.model_fields)
    assert (settings.host, settings.oidc_issuer, settings.sample) == (
        "0.0.0.0",  # noqa: S104 - within the container
        "https://login.example.se",
        "none",
    )
    assert not settings.local_issuer
    assert settings.checkpoint_key == Path("/run/secrets") / SERVICES[server]["secrets"][0]
    assert (
        COMPOSE["secrets"][SERVICES[server]["secrets"][0]]["file"] == "secrets/checkpoint-key.json"
    )


def test_the_servers_reach_all_members_of_one_replica_set() -> None:
    found = parse_uri(SERVICES["server-1"]["environment"]["CASETYPES_MONGODB_URI"])
    initiation = SERVICES["replica-set"]["command"][-1]

    assert [host for host, _ in found["nodelist"]] == MEMBERS
    assert re.findall(r'"(mongo-\d)"', initiation) == MEMBERS
    assert re.findall(r'_id: "(\w+)"', initiation) == [found["options"]["replicaSet"]]
    for member in MEMBERS:
        arguments = shlex.split(SERVICES[member]["command"])
        assert arguments[arguments.index("--replSet") + 1] == found["options"]["replicaSet"]


def test_only_the_proxy_is_public_and_only_the_servers_reach_the_storage() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["storage"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "storage" in service["networks"]} == {
        *SERVERS,
        *MEMBERS,
        "replica-set",
    }
    assert re.findall(r"--to ([\w-]+):(\d+)", SERVICES["proxy"]["command"]) == [
        (server, str(Settings().port)) for server in SERVERS
    ]


def test_the_files_that_the_image_copies_exist() -> None:
    steps = re.findall(r"(?m)^(\w+) (.+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    copied = [
        source
        for step, rest in steps
        if step == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]

    assert {
        "server.py",
        "transport",
        "execution",
        "schema",
        "resolvers",
        "store",
        "requirements.lock",
        "requirements-dev.lock",
    } <= set(copied)
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert all(
        "--require-hashes" in rest or "--no-deps" in rest
        for step, rest in steps
        if step == "RUN" and "pip install" in rest
    )
