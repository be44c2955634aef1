"""Keep a table up to date: run it as often as you like, from cron, a systemd timer or a scheduler
of your own.

    python examples/incremental_load.py --url http://127.0.0.1:8000 --token "$TOKEN" --database
    registry.sqlite

The first run loads everything, each later one what came since. The cursor is saved in the same
transaction as the rows: a run that is cut off
anywhere has done nothing, and the next one begins where it did. Needs nothing but Python.
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
CREATE TABLE IF NOT EXISTS assignments (id TEXT PRIMARY KEY, clinic TEXT, clinic_name TEXT, case_type TEXT, case_type_name TEXT,
                                        published_version INTEGER, acknowledged_version INTEGER, since TEXT, until TEXT);
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
    """The export after a cursor; the whole without one."""
    after = f"?{urllib.parse.urlencode({'after': cursor})}" if cursor else ""
    asked = urllib.request.Request(  # noqa: S310
        f"{url}/exports/assignments.ndjson{after}", headers={"authorization": f"Bearer {token}"}
    )
    answer: HTTPResponse = urllib.request.urlopen(asked)  # noqa: S310 - the user's own
    return answer


def load(database: sqlite3.Connection, url: str, token: str) -> tuple[int, int]:
    """Take in what came since the last time; how many rows came, and how many hold now."""
    database.executescript(TABLE)
    known = database.execute("SELECT cursor FROM loaded WHERE export = 'assignments'").fetchone()
    rows = 0
    with database, opened(url, token, known[0] if known else None) as answer:
        for line in answer:
            row = json.loads(line)
            # Rows that ended stay, with `until`: the table tells of the past as well.
            database.execute(
                f"INSERT OR REPLACE INTO assignments VALUES ({','.join('?' * len(COLUMNS))})",  # noqa: S608
                [row[name] for name in COLUMNS],
            )
            rows += 1
        if rows != int(answer.headers["x-total-rows"]):
            raise IncompleteRead(b"")
        database.execute(
            "INSERT OR REPLACE INTO loaded VALUES ('assignments', ?)",
            [answer.headers["x-export-cursor"]],
        )
    [holding] = database.execute("SELECT count(*) FROM assignments WHERE until IS NULL").fetchone()
    return rows, holding


def main() -> None:
    """Load once."""
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
