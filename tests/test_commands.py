"""The commands: their errors, what they print, and backup and restore."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from server import _announce
from settings import Settings
from tests.callers import STOCKHOLM
from tests.server_process import run, serving, token


def test_the_password_of_mongodb_is_not_printed_and_only_its_owner_can_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = "mongodb://casetypes:heml%40igt@db1.example,db2.example/?replicaSet=rs"
    (tmp_path / "server.json").touch(mode=0o644)

    _announce(
        Settings(data=tmp_path, mongodb_uri=uri, oidc_issuer="https://issuer.example"), "8.0.0"
    )

    assert (
        "MongoDB   8.0.0, mongodb://db1.example,db2.example/?replicaSet=rs\n"
        in capsys.readouterr().out
    )
    assert json.loads((tmp_path / "server.json").read_text())["mongodbUri"] == uri
    assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_reported_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        refused = run("serve", "--data", str(tmp_path / "data"), "--port", port)

    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert not (tmp_path / "data" / "mongod.json").exists()


def test_a_second_server_on_the_same_data_folder_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"

    with serving(data, "--sample", "none"):
        refused = run("serve", "--data", str(data), "--port", "0")

        assert refused.returncode == 1
        assert str(data) in refused.stderr
        assert len(refused.stderr.splitlines()) < 5


@pytest.mark.parametrize(
    "arguments",
    [("serve", "--port", "0"), ("token", "--role", "REPORTER", "--unit", STOCKHOLM)],
    ids=["serve", "token"],
)
def test_a_data_folder_that_cannot_be_created_is_reported(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    data = tmp_path / "file" / "data"
    data.parent.touch()

    refused = run(*arguments, "--data", str(data))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert (
        refused.stderr
        == f"The data folder {data} cannot be written: Not a directory. Choose another with"
        " --data.\n"
    )


def test_a_server_on_another_address_without_an_issuer_is_refused(tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - the test needs it

    refused = run("serve", "--data", str(tmp_path / "data"), "--port", "0", "--host", everywhere)

    assert refused.returncode == 1
    assert "CASETYPES_OIDC_ISSUER" in refused.stderr


def test_the_development_issuer_needs_the_embedded_database_or_a_setting(
    mongodb_uri: str, tmp_path: Path
) -> None:
    refused = run(
        "serve",
        "--data",
        str(tmp_path / "data"),
        "--port",
        "0",
        CASETYPES_MONGODB_URI=mongodb_uri,
        CASETYPES_DATABASE="test_serve",
    )

    assert refused.returncode == 1
    assert "CASETYPES_DEVELOPMENT=1" in refused.stderr


@pytest.mark.parametrize("command", ["serve", "token", "status", "sdl"])
def test_every_command_has_a_help_text(command: str) -> None:
    assert run(command, "--help").returncode == 0


def test_status_reports_that_no_server_runs(tmp_path: Path) -> None:
    refused = run("status", "--data", str(tmp_path))

    assert refused.returncode == 1
    assert refused.stderr.startswith("No server runs on the data folder")


# ------------------------------------------------------------------ backup and restore

HISTORY = (
    "{ caseTypes(first: 100) { totalCount edges { node { id verify { intact } history(first: 50) {"
    " edges { node { sequence at } } } } } } }"
)


def test_a_destroyed_registry_is_restored_from_a_backup_of_the_running_server(
    tmp_path: Path,
) -> None:
    data, archive = tmp_path / "data", tmp_path / "kept.zip"
    with serving(data) as server:
        before = server.ask(HISTORY, token(data))
        backed_up = run("backup", str(archive), "--data", str(data))
        checkpoints = run("checkpoints", "--data", str(data)).stdout
    (tmp_path / "public.json").write_text(
        run("checkpoints", "--public-key", "--data", str(data)).stdout
    )
    (tmp_path / "checkpoints.txt").write_text(checkpoints)
    shutil.rmtree(data)

    verified = run(
        "verify",
        str(archive),
        "--key",
        str(tmp_path / "public.json"),
        "--checkpoints",
        str(tmp_path / "checkpoints.txt"),
    )
    restored = run("restore", str(archive), "--data", str(data))
    second_restore = run("restore", str(archive), "--data", str(data))
    with serving(data) as server:
        after = server.ask(HISTORY, token(data))

    assert (
        backed_up.returncode,
        verified.returncode,
        restored.returncode,
        second_restore.returncode,
    ) == (
        0,
        0,
        0,
        1,
    ), (backed_up, verified, restored)
    assert verified.stdout.startswith("Intact: ")
    assert "is not empty" in second_restore.stderr
    assert after == before
    assert all(edge["node"]["verify"]["intact"] for edge in after["caseTypes"]["edges"])


def test_a_damaged_backup_is_neither_verified_nor_restored(tmp_path: Path) -> None:
    (tmp_path / "damaged.zip").write_bytes(b"PK not a backup")

    verified = run("verify", str(tmp_path / "damaged.zip"))
    restored = run("restore", str(tmp_path / "damaged.zip"), "--data", str(tmp_path / "data"))

    assert (verified.returncode, restored.returncode) == (1, 1)
    assert "is not a complete backup" in verified.stderr
    assert not (tmp_path / "data").exists()
