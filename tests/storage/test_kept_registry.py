"""Registries written by earlier releases are opened, verified, restored, imported and served.

`tests/kept/VERSION` is the registry of a release. The tests use the commands and the API only.
"""

import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo import MongoClient

from tests.kept import commands
from tests.kept.commands import Json, Server

pytestmark = pytest.mark.timeout(300)
RELEASES = sorted(path.parent for path in commands.ROOT.glob("tests/kept/*/expected.json"))


class Kept:
    """The folder of a release."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        expected: Json = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        self.callers: Json = expected["callers"]
        self.answers: list[Json] = expected["answers"]
        self.feed: Json = expected["feed"]
        self.write: Json = expected["write"]
        self.cursors: Json = json.loads((folder / "cursors.json").read_text(encoding="ascii"))
        self.queries = {path.stem: path.read_text("utf-8") for path in folder.glob("queries/*")}

    def file(self, name: str) -> str:
        """The path of a file in the folder."""
        return str(self.folder / name)

    def rows(self, name: str, principal: str) -> list[Json]:
        """The rows of an export."""
        return rows((self.folder / f"{name}-{principal}.ndjson").read_text("utf-8"))

    def ask(self, server: Server, operation: Json) -> Json:
        """Send a kept operation. Returns the data of the answer."""
        query = self.queries[operation["query"]]
        return server.ask(operation["caller"], query, operation["variables"])


@pytest.fixture(params=RELEASES, ids=lambda folder: folder.name)
def kept(request: pytest.FixtureRequest) -> Kept:
    """The folder of each release in turn."""
    return Kept(request.param)


@pytest.fixture
def other_database(mongodb_uri: str) -> Iterator[dict[str, str]]:
    """Settings that name an empty database on the MongoDB of the tests."""
    name = f"test_{uuid4().hex[:12]}"
    yield {
        "CASETYPES_MONGODB_URI": mongodb_uri,
        "CASETYPES_DATABASE": name,
        "CASETYPES_DEVELOPMENT": "1",
    }
    with MongoClient[Json](mongodb_uri) as client:
        client.drop_database(name)


def test_a_registry_of_the_first_release_is_kept() -> None:
    assert "0.1.0" in [folder.name for folder in RELEASES]


def test_a_kept_data_folder_is_opened_served_and_verified(kept: Kept, tmp_path: Path) -> None:
    data, backup = tmp_path / "data", str(tmp_path / "backup.zip")
    with tarfile.open(kept.file("data.tar.xz")) as archive:
        archive.extractall(data, filter="data")

    with commands.serving(data, kept.callers) as server:
        assert_same_answers(server, kept)
        assert kept.ask(server, kept.write) == kept.write["data"]
        assert_a_feed_continues(server, kept)
        assert_same_exports(server, kept)
        commands.run("backup", backup, "--data", str(data))

    assert_verified(backup, kept)


def test_a_kept_backup_is_verified_restored_and_served(
    kept: Kept,
    tmp_path: Path,
    other_database: dict[str, str],
) -> None:
    data, backup = str(tmp_path), kept.file("backup.zip")

    assert_verified(backup, kept)
    commands.run("restore", backup, "--data", data, **other_database)

    with commands.serving(tmp_path, kept.callers, **other_database) as server:
        assert_same_answers(server, kept)
        assert kept.ask(server, kept.write) == kept.write["data"]
        assert_a_feed_continues(server, kept)


def test_kept_exports_are_imported_into_an_empty_registry(
    kept: Kept,
    tmp_path: Path,
    other_database: dict[str, str],
) -> None:
    files = [
        argument
        for principal in kept.cursors
        for name in ("versions", "events")
        for argument in (f"--{name}", kept.file(f"{name}-{principal}.ndjson"))
    ]

    printed = commands.run("import", *files, "--data", str(tmp_path), **other_database)

    for principal in kept.cursors:
        events, versions = (len(kept.rows(name, principal)) for name in ("events", "versions"))
        assert f"{principal}: {events} events, {versions} versions;" in printed
    assert printed.count("all hash chains intact") == len(kept.cursors)


def assert_same_answers(server: Server, kept: Kept) -> None:
    """Assert that all kept queries have exactly the kept answers."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(partial(kept.ask, server), kept.answers))
    pairs = zip(kept.answers, answers, strict=True)
    different = [(expected, data) for expected, data in pairs if data != expected["data"]]
    if different:
        operations = [
            (expected["caller"], expected["query"], expected["variables"])
            for expected, _ in different
        ]
        expected, data = different[0]
        assert data == expected["data"], operations


def assert_a_feed_continues(server: Server, kept: Kept) -> None:
    """Assert that a kept cursor resumes a clinic's feed, which then delivers this test's write."""
    subscription, delivered = kept.queries[kept.feed["query"]], kept.feed["data"]
    with server.follow(kept.feed["caller"], subscription, kept.feed["variables"]) as results:
        assert [next(results) for _ in delivered] == delivered
        newest = next(results)["clinicNotifications"]
    written = kept.write["data"]["caseTypeUpdate"]
    assert newest["document"] == {"id": written["caseType"]["id"]}
    assert (newest["action"], newest["toVersion"]) == ("PUBLISHED", written["version"]["number"])


def assert_same_exports(server: Server, kept: Kept) -> None:
    """Assert that exports up to the kept cursors have the kept rows. New columns are allowed."""
    administrators = {
        caller["unit"]: name
        for name, caller in reversed(kept.callers.items())
        if caller["role"] in {"NATIONAL_ADMINISTRATOR", "REGIONAL_ADMINISTRATOR"}
    }
    for principal, cursor in kept.cursors.items():
        for name, more in (("events", {"detail": "true"}), ("versions", {})):
            expected = kept.rows(name, principal)
            parameters = {"principal": principal, "upTo": cursor, **more}
            answer = server.export(administrators[principal], f"{name}.ndjson", **parameters)
            found = rows(answer.text)
            assert len(found) == len(expected)
            for row, before in zip(found, expected, strict=True):
                assert {column: row.get(column) for column in before} == before


def rows(file: str) -> list[Json]:
    """The rows of an NDJSON file."""
    return [json.loads(line) for line in file.splitlines()]


def assert_verified(backup: str, kept: Kept) -> None:
    """Assert that `casetypes verify` finds no problem with the kept key and checkpoints."""
    key, checkpoints = kept.file("public.json"), kept.file("checkpoints.txt")
    printed = commands.run("verify", backup, "--key", key, "--checkpoints", checkpoints)
    assert printed.startswith("Intact: ")
