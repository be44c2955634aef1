"""A small content model, and merges of its contents."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from store.content.merge import MergeSide, merge
from store.kinds.kinds import describe


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class _Option(_Model):
    key: str
    label: str


class _Question(_Model):
    key: str = Field(title="Nyckel")
    label: str = Field(title="Etikett", json_schema_extra={"text": True})
    required: bool
    options: list[_Option] = Field(title="Svarsalternativ")


class _Limits(_Model):
    age_from: int | None
    age_to: int | None
    codes: list[str]


class _Time(_Model):
    amount: int
    unit: str


class MergedModel(_Model):
    name: str = Field(title="Namn", json_schema_extra={"text": True})
    questions: list[_Question] = Field(title="Frågor")
    limits: _Limits = Field(title="Begränsningar")
    time: _Time | None = Field(title="Svarstid")


FIELDS = describe(MergedModel)


OURS, THEIRS = MergeSide.OURS, MergeSide.THEIRS


LIMITS: dict[str, Any] = {"ageFrom": None, "ageTo": None, "codes": []}


def question(key: str, label: str = "Fråga", **other: Any) -> dict[str, Any]:
    return {"key": key, "label": label, "required": False, "options": [], **other}


def content(*questions: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "name": "Förnya recept",
        "questions": list(questions),
        "limits": LIMITS,
        "time": None,
        **other,
    }


def merge_cleanly(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    **resolutions: MergeSide,
) -> dict[str, Any]:
    """The content of a merge without conflicts."""
    result = merge(base, ours, theirs, FIELDS, resolutions)
    assert (result.conflicts, result.superfluous) == ((), frozenset())
    return result.content


def keys_of(merged_content: Mapping[str, Any]) -> str:
    return "".join(item["key"] for item in merged_content["questions"])


def merged_order(base: str, ours: str, theirs: str) -> str:
    """The order in the merge of three lists of questions."""
    return keys_of(merge_cleanly(*(content(*map(question, side)) for side in (base, ours, theirs))))
