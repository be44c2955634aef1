"""Follow what clinics are told, and miss nothing: through lost connections, server restarts and
restarts of this program.

Each notification is printed as one line. Then its cursor is saved, and the next connection goes on
from there. A crash between the two shows
one notification again; none is ever lost. Without a cursor file it begins with all that the clinics
have not acknowledged.

    python examples/clinic_listener.py --url ws://127.0.0.1:8000/graphql --token "$TOKEN"
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
    """One connection's notifications after a cursor, until it breaks."""
    transport = WebsocketsTransport(
        url,
        init_payload={"Authorization": f"Bearer {token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        ping_interval=PING_SECONDS,  # a dead network is noticed also while nothing happens
    )
    async with Client(transport=transport) as session:
        request = gql(FEED)
        request.variable_values = {"clinics": clinics, "after": after}
        async with aclosing(session.subscribe(request)) as results:
            async for result in results:
                yield result["clinicNotifications"]


async def listen(url: str, token: str, clinics: list[str], cursor: Path) -> None:
    """Print notifications for ever.

    After a cut, wait a little longer each time, so that a restarted server is not stormed.
    """
    wait = FIRST_WAIT
    while True:
        try:
            # The cursor is read anew for each connection: going on from an old one would repeat
            # what was shown.
            async with aclosing(notifications(url, token, clinics, saved(cursor))) as received:
                async for notification in received:
                    print(line(notification), flush=True)
                    save(cursor, notification["cursor"])
                    wait = FIRST_WAIT
            reason = "the server ended the feed"
        except TransportQueryError:
            raise  # an answer, not a cut: asking again would be answered the same
        except (TransportError, OSError, TimeoutError) as cut:
            reason = f"{type(cut).__name__} {cut}".strip()
        pause = wait * random.uniform(0.5, 1)  # noqa: S311 - spreads the clients, keeps no secret
        print(f"Cut: {reason}. Again in {pause:.1f} s.", file=sys.stderr, flush=True)
        await asyncio.sleep(pause)
        wait = min(2 * wait, MAX_WAIT)


def line(notification: dict[str, Any]) -> str:
    """One notification for people."""
    told = notification
    numbers = dict.fromkeys(
        number for number in (told["fromVersion"], told["toVersion"]) if number is not None
    )
    versions = " → ".join(map(str, numbers))
    parts = [
        told["at"],
        told["clinic"]["name"],
        told["action"],
        told["document"]["name"],
        f"version {versions}" if versions else "no version",
    ]
    if told["changes"]:
        parts.append("changed: " + ", ".join(change["label"] for change in told["changes"]))
    parts.append("residents notice" if told["residentVisible"] else "staff only")
    parts.append(f"by {told['by']['role']}, {told['by']['unitName']}")
    return " | ".join([*parts, *([told["note"]] if told["note"] else [])])


def saved(path: Path) -> str | None:
    """The cursor that the last run left; None where there is none yet."""
    return path.read_text(encoding="utf-8") if path.exists() else None


def save(path: Path, cursor: str) -> None:
    """Replace the file in one step: it holds the old cursor or the new one, never half of one."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(cursor, encoding="utf-8")
    new.replace(path)


def main() -> None:
    """Read the arguments, then listen until Ctrl-C."""
    arguments = argparse.ArgumentParser(description="Follow what clinics are told.")
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
        help="file that remembers the place (default: %(default)s)",
    )
    given = arguments.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(listen(given.url, given.token, given.clinics, given.cursor))
    except TransportQueryError as refusal:
        told = (refusal.errors or [{}])[0]
        sys.exit(
            f"Refused: {told.get('extensions', {}).get('code', 'UNKNOWN')}:"
            f" {told.get('message', refusal)}"
        )


if __name__ == "__main__":
    main()
