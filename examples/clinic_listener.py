"""Follow the notifications of clinics without missing any.

No notification is lost through lost connections, server restarts and restarts of this program. Each
one is printed as one line. Then its cursor is saved, and the next connection continues after it. A
crash between the two prints one notification again. Without a cursor file, the feed starts with
everything that the clinics have not acknowledged.

    python examples/clinic_listener.py --url ws://127.0.0.1:8000/graphql --token "$TOKEN" \
        SE2321000016-1A01
"""

import argparse
import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from gql import Client, gql
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

FEED = """
subscription Feed($clinics: [HsaId!]!, $after: Cursor) {
  clinicNotifications(clinics: $clinics, after: $after, fromAcknowledged: true) {
    cursor action fromVersion toVersion residentVisible at note
    clinic { hsaId name } document { name } by { role unitName } changes { label }
  }
}
"""
FIRST_WAIT, MAX_WAIT = 0.5, 30.0
PING_SECONDS = 20


async def notifications(
    url: str, token: str, clinics: list[str], after: str | None
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the notifications after a cursor, until the connection breaks."""
    transport = WebsocketsTransport(
        url,
        init_payload={"Authorization": f"Bearer {token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        ping_interval=PING_SECONDS,  # detects a dead network while there are no notifications
    )
    async with Client(transport=transport) as session:
        request = gql(FEED)
        request.variable_values = {"clinics": clinics, "after": after}
        async with aclosing(session.subscribe(request)) as results:
            async for result in results:
                yield result["clinicNotifications"]


async def listen(url: str, token: str, clinics: list[str], cursor: Path) -> None:
    """Print notifications until the program is interrupted.

    After a lost connection, wait longer each time, so that a restarted server is not overloaded.
    """
    wait = FIRST_WAIT
    while True:
        try:
            # Read the cursor for each connection: an old one would repeat notifications.
            async with aclosing(notifications(url, token, clinics, saved(cursor))) as received:
                async for notification in received:
                    print(line(notification), flush=True)
                    save(cursor, notification["cursor"])
                    wait = FIRST_WAIT
            reason = "the server ended the feed"
        except TransportQueryError:
            raise  # The server refused; a retry would be refused too.
        except (TransportError, OSError, TimeoutError) as cut:
            reason = f"{type(cut).__name__} {cut}".strip()
        pause = wait * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
        print(f"Cut: {reason}. Again in {pause:.1f} s.", file=sys.stderr, flush=True)
        await asyncio.sleep(pause)
        wait = min(2 * wait, MAX_WAIT)


def line(notification: dict[str, Any]) -> str:
    """Format a notification as one line."""
    numbers = dict.fromkeys(
        number
        for number in (notification["fromVersion"], notification["toVersion"])
        if number is not None
    )
    versions = " → ".join(map(str, numbers))
    parts = [
        notification["at"],
        notification["clinic"]["name"],
        notification["action"],
        notification["document"]["name"],
        f"version {versions}" if versions else "no version",
    ]
    if notification["changes"]:
        parts.append("changed: " + ", ".join(change["label"] for change in notification["changes"]))
    parts.append("residents notice" if notification["residentVisible"] else "staff only")
    parts.append(f"by {notification['by']['role']}, {notification['by']['unitName']}")
    return " | ".join([*parts, *([notification["note"]] if notification["note"] else [])])


def saved(path: Path) -> str | None:
    """Read the saved cursor; None where there is none yet."""
    return path.read_text(encoding="utf-8") if path.exists() else None


def save(path: Path, cursor: str) -> None:
    """Save the cursor by replacing the file, so that it never contains a part of one."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(cursor, encoding="utf-8")
    new.replace(path)


def main() -> None:
    """Read the arguments, then listen until Ctrl-C."""
    arguments = argparse.ArgumentParser(description="Follow the notifications of clinics.")
    arguments.add_argument(
        "clinics", nargs="+", metavar="HSA-ID", help="clinics of one principal, at most 100"
    )
    arguments.add_argument(
        "--url",
        default="ws://127.0.0.1:8000/graphql",
        help="the registry's websocket (default: %(default)s)",
    )
    arguments.add_argument(
        "--token",
        required=True,
        help="bearer token of someone who may read these clinics' notifications",
    )
    arguments.add_argument(
        "--cursor",
        type=Path,
        default=Path("clinic_listener.cursor"),
        help="file with the saved cursor (default: %(default)s)",
    )
    given = arguments.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(listen(given.url, given.token, given.clinics, given.cursor))
    except TransportQueryError as refusal:
        error = (refusal.errors or [{}])[0]
        sys.exit(
            f"Refused: {error.get('extensions', {}).get('code', 'UNKNOWN')}:"
            f" {error.get('message', refusal)}"
        )


if __name__ == "__main__":
    main()
