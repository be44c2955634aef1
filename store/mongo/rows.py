"""Conversion between records and MongoDB's rows.

Rows have the records' field names; `_id` is the record's id or key. Reading does not validate:
content was validated when it was written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from store.clinics.filters import clinic_words
from store.mongo.connection import Row
from store.records import (
    Action,
    Actor,
    Assignment,
    AssignmentOrigin,
    Audience,
    Clinic,
    ClinicGroup,
    ClinicRule,
    ClinicStatus,
    Derivation,
    Document,
    DocumentState,
    Event,
    Origin,
    Owner,
    OwnerKind,
    Principal,
    PrincipalKind,
    Role,
    Summary,
    Version,
    key_of,
)

E = TypeVar("E", bound=StrEnum)


def _by_name(members: type[E]) -> Mapping[str, E]:
    return {str(member): member for member in members}


# A look-up takes a fifth of the time of calling the enumeration; lists convert several per row.
_ACTIONS, _AUDIENCES, _STATES = _by_name(Action), _by_name(Audience), _by_name(DocumentState)
_OWNER_KINDS, _ORIGINS, _ROLES = _by_name(OwnerKind), _by_name(AssignmentOrigin), _by_name(Role)


def actor_row(actor: Actor) -> Row:
    """Return an actor as stored inside versions, events and assignments."""
    return {
        "role": str(actor.role),
        "unit": actor.unit,
        "employee_hsa_id": actor.employee_hsa_id,
        "system": actor.system,
    }


def actor_from(row: Mapping[str, Any]) -> Actor:
    """Return the actor in a part of a row."""
    return Actor(
        role=_ROLES[row["role"]],
        unit=row["unit"],
        employee_hsa_id=row["employee_hsa_id"],
        system=row["system"],
    )


def actor_key(actor: Actor) -> str | None:
    """Return the key that events are found by: the person's, or the unit's for a machine."""
    name = actor.employee_hsa_id or actor.unit
    return None if name is None else key_of(name)


def _derivation_row(derivation: Derivation | None) -> Row | None:
    return (
        None
        if derivation is None
        else {"template": derivation.template, "version": derivation.version}
    )


def derivation_from(row: Mapping[str, Any] | None) -> Derivation | None:
    """Return the derivation in a part of a row."""
    return None if row is None else Derivation(template=row["template"], version=row["version"])


def _origin_row(origin: Origin | None) -> Row | None:
    return None if origin is None else _values(origin)


def _origin_from(row: Mapping[str, Any]) -> Origin | None:
    """Return the origin in a row; None too in rows written before imports existed."""
    origin = row.get("origin")
    return None if origin is None else Origin(**origin)


@cache
def _names(record: type, *skip: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record) if field.name not in skip)


def _values(record: Any, *skip: str) -> Row:
    """Return a record's fields as a shallow copy, because content may be large."""
    return {name: getattr(record, name) for name in _names(record.__class__, *skip)}


def principal_row(principal: Principal) -> Row:
    """Return the row of a principal."""
    return {"_id": principal.key} | _values(principal, "key") | {"kind": str(principal.kind)}


def principal_from(row: Row) -> Principal:
    """Return the principal in a row."""
    return Principal(
        key=row["_id"],
        hsa_id=row["hsa_id"],
        name=row["name"],
        kind=PrincipalKind(row["kind"]),
        county_code=row["county_code"],
    )


def clinic_row(clinic: Clinic) -> Row:
    """Return the row of a clinic."""
    return (
        {"_id": clinic.key}
        | _values(clinic, "key")
        | {"status": str(clinic.status), "words": clinic_words(clinic)}
    )


def clinic_from(row: Row) -> Clinic:
    """Return the clinic in a row."""
    values = {name: row[name] for name in _names(Clinic, "key")}
    return Clinic(**(values | {"key": row["_id"], "status": ClinicStatus(row["status"])}))


HEAD: Mapping[str, int] = {"tokens": 0}
"""The projection for heads that are read and not written.

It leaves out the search tokens, which are most of a small head.
"""

SUMMARY: Mapping[str, int] = dict.fromkeys(_names(Summary, "id"), 1)
"""The projection for heads that are only listed."""


def document_row(document: Document) -> Row:
    """Return the row of a head."""
    return (
        {"_id": document.id}
        | _values(document, "id", *(["tokens"] if document.tokens is None else []))
        | {
            "owner": {"kind": str(document.owner.kind), "key": document.owner.key},
            "state": str(document.state),
            "derived_from": _derivation_row(document.derived_from),
            "author": actor_row(document.author),
            "origin": _origin_row(document.origin),
        }
    )


def summary_from(row: Row) -> Summary:
    """Return the summary in a row, which may have more fields."""
    return Summary(**_summary_values(row))


def _summary_values(row: Row) -> Row:
    owner = row["owner"]
    return {
        "id": row["_id"],
        "kind": row["kind"],
        "principal": row["principal"],
        "owner": Owner(kind=_OWNER_KINDS[owner["kind"]], key=owner["key"]),
        "state": _STATES[row["state"]],
        "latest": row["latest"],
        "published": row["published"],
        "name": row["name"],
        "internal_name": row["internal_name"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "noticed_at": row["noticed_at"],
        "highest_released": row["highest_released"],
        "subject": row["subject"],
    }


def document_from(row: Row) -> Document:
    """Return the head in a row."""
    return Document(
        **_summary_values(row),
        content=row["content"],
        published_content=row["published_content"],
        schema_version=row["schema_version"],
        published_schema_version=row["published_schema_version"],
        derived_from=derivation_from(row["derived_from"]),
        hash=row["hash"],
        author=actor_from(row["author"]),
        edited_at=row["edited_at"],
        event_count=row["event_count"],
        notice_count=row["notice_count"],
        release_count=row["release_count"],
        archived_sequence=row["archived_sequence"],
        tokens=row.get("tokens"),
        origin=_origin_from(row),
    )


def version_row(version: Version, changed: Iterable[str]) -> Row:
    """Return the row of a version; `changed` are the paths of its new or changed values."""
    return (
        {"_id": version.id}
        | _values(version)
        | {
            "author": actor_row(version.author),
            "derived_from": _derivation_row(version.derived_from),
            "origin": _origin_row(version.origin),
            "changed": list(changed),
        }
    )


def version_from(row: Row) -> Version:
    """Return the version in a row."""
    return Version(
        document=row["document"],
        kind=row["kind"],
        principal=row["principal"],
        number=row["number"],
        content=row["content"],
        schema_version=row["schema_version"],
        author=actor_from(row["author"]),
        created_at=row["created_at"],
        note=row["note"],
        derived_from=derivation_from(row["derived_from"]),
        restored_from=row["restored_from"],
        hash=row["hash"],
        previous_hash=row["previous_hash"],
        sequence=row["sequence"],
        origin=_origin_from(row),
    )


def event_row(event: Event, *, released: int | None = None) -> Row:
    """Return the row of an event; `released` is the version that it first published."""
    row = (
        {"_id": event.id}
        | _values(event)
        | {
            "action": str(event.action),
            "actor": actor_row(event.actor),
            "actor_key": actor_key(event.actor),
            "state": None if event.state is None else str(event.state),
            "audience": str(event.audience),
            "clinics": list(event.clinics),
            "counts": dict(event.counts),
        }
    )
    return row if released is None else row | {"released": released}


def event_from(row: Row) -> Event:
    """Return the event in a row."""
    # Events that were written before exports existed lack a field.
    values = {name: row[name] for name in _names(Event) if name in row}
    return Event(
        **(
            values
            | {
                "action": _ACTIONS[row["action"]],
                "actor": actor_from(row["actor"]),
                "state": None if row["state"] is None else _STATES[row["state"]],
                "audience": _AUDIENCES[row["audience"]],
            }
        )
    )


def assignment_row(assignment: Assignment) -> Row:
    """Return the row of an assignment.

    `open` marks current assignments, for the index that allows one per clinic and document.
    """
    return (
        {"_id": assignment.id}
        | _values(assignment, "id")
        | {
            "origin": str(assignment.origin),
            "by": actor_row(assignment.by),
            "open": assignment.until_sequence is None,
        }
    )


def assignment_from(row: Row) -> Assignment:
    """Return the assignment in a row."""
    values = {name: row[name] for name in _names(Assignment) if name in row}
    return Assignment(
        **(
            values
            | {
                "id": row["_id"],
                "origin": _ORIGINS[row["origin"]],
                "by": actor_from(row["by"]),
            }
        )
    )


def group_row(group: ClinicGroup) -> Row:
    """Return the fields of a group, for a row with a validity interval."""
    rule = None if group.rule is None else _values(group.rule)
    return {"group": group.id} | _values(group, "id", "rule") | {"rule": rule}


def group_from(row: Row) -> ClinicGroup:
    """Return the group in a row."""
    rule = row["rule"]
    return ClinicGroup(
        id=row["group"],
        principal=row["principal"],
        name=row["name"],
        members=row["members"],
        rule=None if rule is None else ClinicRule(**rule),
    )
