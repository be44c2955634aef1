"""Load new and changed assignments into an SQLite table.

Run it as often as you like, from cron, a systemd timer or a scheduler of your own:

    python examples/incremental_load.py --url http://127.0.0.1:8000 --token "$TOKEN" \
        --database registry.sqlite

The first run loads everything; each later run loads what has changed since. The cursor is saved in
the same transaction as the rows. So an interrupted run changes nothing, and the next one starts
from the same cursor. Needs only Python.
"""

import argparse
import json
import sqlite3
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPResponse, IncompleteRead

TABLE = """
CREATE TABLE IF NOT EXISTS assignments (
  id TEXT PRIMARY KEY, clinic TEXT, clinic_name TEXT, case_type TEXT, case_type_name TEXT,
  published_version INTEGER, acknowledged_version INTEGER, since TEXT, until TEXT
);
CREATE TABLE IF NOT EXISTS loaded (export TEXT PRIMARY KEY, cursor TEXT);
"""
COLUMNS = (
    "id",
    "clinic",
    "clinicName",
    "caseType",
    "caseTypeName",
    "publishedVersion",
    "acknowledgedVersion",
    "since",
    "until",
)


def opened(url: str, token: str, cursor: str | None) -> HTTPResponse:
    """Request the export after a cursor; the whole export without one."""
    after = f"?{urllib.parse.urlencode({'after': cursor})}" if cursor else ""
    request = urllib.request.Request(  # noqa: S310
        f"{url}/exports/assignments.ndjson{after}", headers={"authorization": f"Bearer {token}"}
    )
    response: HTTPResponse = urllib.request.urlopen(request)  # noqa: S310 - the user's own
    return response


def load(database: sqlite3.Connection, url: str, token: str) -> tuple[int, int]:
    """Load new rows.

    Returns:
        The number of rows loaded, and the number of current assignments.
    """
    database.executescript(TABLE)
    known = database.execute("SELECT cursor FROM loaded WHERE export = 'assignments'").fetchone()
    rows = 0
    with database, opened(url, token, known[0] if known else None) as response:
        for line in response:
            row = json.loads(line)
            # Ended assignments are kept, with `until`, so that the table has the history.
            database.execute(
                f"INSERT OR REPLACE INTO assignments VALUES ({','.join('?' * len(COLUMNS))})",  # noqa: S608
                [row[name] for name in COLUMNS],
            )
            rows += 1
        if rows != int(response.headers["x-total-rows"]):
            raise IncompleteRead(b"")
        database.execute(
            "INSERT OR REPLACE INTO loaded VALUES ('assignments', ?)",
            [response.headers["x-export-cursor"]],
        )
    [holding] = database.execute("SELECT count(*) FROM assignments WHERE until IS NULL").fetchone()
    return rows, holding


def main() -> None:
    """Read the arguments, and load once."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", required=True, help="of the server, such as http://127.0.0.1:8000")
    parser.add_argument("--token", required=True, help="a bearer token, such as a reporter's")
    parser.add_argument(
        "--database", default="registry.sqlite", help="the SQLite file to keep up to date"
    )
    given = parser.parse_args()
    database = sqlite3.connect(given.database)
    try:
        rows, holding = load(database, given.url, given.token)
    except urllib.error.HTTPError as refused:
        sys.exit(f"Refused: {refused.read().decode()}")
    except (OSError, IncompleteRead):
        sys.exit("Cut off: nothing was changed. The next run begins where this one did.")
    finally:
        database.close()
    print(f"{rows} rows came, {holding} assignments hold now.")


if __name__ == "__main__":
    main()
