"""Edit and publish a case type without losing concurrent changes.

A save names the version that the editor last read. If someone has saved since, nothing is written,
and the response says who saved, when, and what changed. Changes of other fields need no decision: a
patch does not touch them, so this program saves again from the newest version. A change of the same
field needs a decision by a person, so this program stops.

    python examples/edit_case_type.py --token "$TOKEN" ct_… --introduction "Ny text." \
        --read-version 1
"""

import argparse
import sys
from typing import Any

from gql import Client, gql
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXTransport

Json = dict[str, Any]

READ = "query Read($id: ID!) { caseType(id: $id) { name latestVersion } }"
SAVE = """
mutation Save($input: CaseTypeUpdateInput!) {
  caseTypeUpdate(input: $input) {
    version { number }
    errors {
      code message path
      ... on VersionConflict {
        expectedVersion latestVersion at by { name role unitName }
        changes { path label before after }
      }
    }
  }
}
"""
PUBLISH = """
mutation Publish($input: DocumentPublishInput!) {
  documentPublish(input: $input) {
    document { name publishedVersion state } errors { code message path }
  }
}
"""


class Editor:
    """Edits one case type as one signed-in person."""

    def __init__(self, url: str, token: str, case_type: str) -> None:
        self._client = Client(
            transport=HTTPXTransport(url, headers={"Authorization": f"Bearer {token}"})
        )
        self._case_type = case_type

    def latest_version(self) -> int:
        """Read the number of the newest version."""
        found = self._ask(READ, id=self._case_type)["caseType"]
        if found is None:
            sys.exit("There is no such case type, or you may not know of it.")
        return int(found["latestVersion"])

    def save(self, introduction: str, read_version: int, note: str | None) -> int:
        """Write the next version, and return its number.

        After a conflict in other fields, save again from the newest version.
        """
        edit = {
            "id": self._case_type,
            "expectedVersion": read_version,
            "content": {"introduction": introduction},
            "note": note,
        }
        payload = self._ask(SAVE, input=edit)["caseTypeUpdate"]
        conflict = next(
            (error for error in payload["errors"] if error["code"] == "VERSION_CONFLICT"), None
        )
        if conflict is None:
            stop_at(payload["errors"])
            number: int = payload["version"]["number"]
            print(f"Saved version {number}.")
            return number
        print_conflict(conflict)
        if any(change["path"] == "introduction" for change in conflict["changes"]):
            sys.exit(
                "The introduction itself was changed: read it first, then decide. Nothing was"
                " written."
            )
        print(f"The introduction is untouched; going on from version {conflict['latestVersion']}.")
        return self.save(introduction, conflict["latestVersion"], note)

    def publish(self, version: int, note: str | None) -> None:
        """Publish a version; clinics see the note in their notification."""
        act = {"id": self._case_type, "version": version, "expectedVersion": version, "note": note}
        payload = self._ask(PUBLISH, input=act)["documentPublish"]
        stop_at(payload["errors"])
        document: Json = payload["document"]
        print(
            f"Published version {document['publishedVersion']} of {document['name']}, now"
            f" {document['state']}."
        )

    def _ask(self, operation: str, **variables: Any) -> Json:
        request = gql(operation)
        request.variable_values = variables
        answer: Json = self._client.execute(request)
        return answer


def print_conflict(conflict: Json) -> None:
    """Print who saved first, when, and what changed."""
    by = conflict["by"]
    who = ", ".join(part for part in (by["name"], by["role"], by["unitName"]) if part)
    print(
        f"Conflict: you read version {conflict['expectedVersion']}; version"
        f" {conflict['latestVersion']} was saved at {conflict['at']} by {who}:"
    )
    for change in conflict["changes"]:
        print(f"  {change['label']}: {change['before']!r} → {change['after']!r}")


def stop_at(errors: list[Json]) -> None:
    """Exit with all errors, if there are any."""
    if errors:
        sys.exit(
            "\n".join(
                f"Refused: {error['code']} at {'.'.join(error['path'])}: {error['message']}"
                for error in errors
            )
        )


def main() -> None:
    """Read the arguments, save, publish."""
    arguments = argparse.ArgumentParser(
        description="Edit a case type's introduction and publish it."
    )
    arguments.add_argument("case_type", metavar="ID", help="the case type, ct_…")
    arguments.add_argument(
        "--introduction", required=True, help="the new introduction, in Markdown"
    )
    arguments.add_argument(
        "--read-version", type=int, help="the version that you last read (default: the newest)"
    )
    arguments.add_argument("--note", help="why")
    arguments.add_argument(
        "--url", default="http://127.0.0.1:8000/graphql", help="the registry (default: %(default)s)"
    )
    arguments.add_argument(
        "--token", required=True, help="bearer token of someone who may edit and publish it"
    )
    given = arguments.parse_args()
    editor = Editor(given.url, given.token, given.case_type)
    try:
        editor.publish(
            editor.save(
                given.introduction, given.read_version or editor.latest_version(), given.note
            ),
            given.note,
        )
    except TransportQueryError as refusal:
        sys.exit(f"Refused: {refusal}")
    except (TransportError, OSError) as cut:
        sys.exit(f"The registry cannot be reached: {cut}")


if __name__ == "__main__":
    main()
