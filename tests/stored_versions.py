"""Stored versions of every kind and schema version, in files that every release must read.

`tests/stored/KIND.N.json` has the fields and types of the content model at schema version N, and a
chain of two versions in the form in which they were stored then. A file is written once, when the
schema version is new, and never changes: `.venv/bin/python -m tests.stored_versions` writes the
missing ones. All files must stay readable, and their chains must verify.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from bson import json_util
from pydantic import BaseModel

from resolvers.kinds.registrations import KINDS
from resolvers.kinds.validation import validate
from store.documents import heads
from store.documents.heads import LogPosition, NewDocument
from store.kinds.kinds import Kind
from store.mongo.rows import version_from, version_row
from store.records import Act, Actor, Derivation, Owner, OwnerKind, Role, Version
from tests.kinds import SAMPLES

FOLDER = Path(__file__).parent / "stored"
CONTENTS: Mapping[str, Mapping[str, Any]] = {
    sample.name: sample.content for sample in SAMPLES.values()
} | {
    "LOCAL_ADAPTATION": {
        "writtenFor": 1,
        "standardReplies": [{"key": "egen", "label": "Egen", "text": "Hej!"}],
        "terms": [
            {"key": "egna", "heading": "Egna villkor", "text": "Ring *först*.", "mustAccept": True}
        ],
    }
}


def content_types_of(model: type[BaseModel]) -> dict[str, Any]:
    """The names and types of a content model's fields.

    Rules, titles and defaults are left out, because stored content has every field.
    """
    return {info.alias or name: _type(info.annotation) for name, info in model.model_fields.items()}


def _type(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return content_types_of(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [member.value for member in annotation]
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    if get_args(annotation):
        return {
            _name(get_origin(annotation)): [_type(argument) for argument in get_args(annotation)]
        }
    return _name(annotation)


def _name(annotation: Any) -> str:
    name = getattr(annotation, "__name__", str(annotation))
    return {"UnionType": "any of", "Union": "any of", "NoneType": "null"}.get(name, name)


def path_of(kind: Kind, schema_version: int) -> Path:
    """The file of a kind and schema version."""
    return FOLDER / f"{kind.name}.{schema_version}.json"


def read(path: Path) -> tuple[Kind, dict[str, Any], list[Version]]:
    """Read a file. Returns the kind, the fields and types of its content, and the versions."""
    stored = json_util.loads(
        path.read_text(encoding="utf-8"),
        json_options=json_util.JSONOptions(tz_aware=True, tzinfo=UTC),
    )
    return (
        KINDS[path.name.partition(".")[0]],
        stored["shape"],
        [version_from(row) for row in stored["versions"]],
    )


def chain(kind: Kind) -> list[Version]:
    """Two versions of a document with the current content model, in the form that is stored."""
    act = Act(Actor(Role.REGIONAL_ADMINISTRATOR, "SE2321000016", "SE2321000016-AA"), note="Första")
    owner = (
        Owner(OwnerKind.CLINIC, "SE2321000016-1A01")
        if OwnerKind.PRINCIPAL not in kind.owners
        else Owner(OwnerKind.PRINCIPAL, "SE2321000016")
    )
    document = NewDocument(f"{kind.prefix}_6b05b4371f1b315e8e25bb64", kind, "SE2321000016", owner)
    derived = Derivation("tpl_6b05b4371f1b315e8e25bb65", 3)
    content = validate(kind, CONTENTS[kind.name])
    head, first = heads.created(
        document,
        content,
        derived_from=derived,
        act=act,
        position=LogPosition(datetime(2026, 11, 25, 8, 0, 0, 123000, UTC), 1),
    )
    changed = (
        {**content, "internalName": "Nytt namn"}
        if "internalName" in content
        else {**content, "writtenFor": 2}
    )
    position = LogPosition(datetime(2026, 11, 25, 9, tzinfo=UTC), 2)
    return [
        first,
        heads.revised(kind, head, changed, act=act, position=position, derived_from=derived)[1],
    ]


def write_missing() -> list[Path]:
    """Write the missing files of the current schema versions. Returns their paths."""
    written = []
    for kind in KINDS:
        path = path_of(kind, kind.schema_version)
        if not path.exists():
            stored = {
                "shape": content_types_of(kind.model),
                "versions": [version_row(version, ()) for version in chain(kind)],
            }
            text = json_util.dumps(stored, json_options=json_util.RELAXED_JSON_OPTIONS)
            path.write_text(
                json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
            )
            written.append(path)
    return written


if __name__ == "__main__":
    sys.stdout.writelines(f"{path.name}\n" for path in write_missing())
