"""Comparisons: moves, changed words in texts, and differences that can be applied."""

import time
from itertools import combinations, pairwise
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from store.content.content_path import PathStep, parse_path
from store.content.diff import Change, ChangeKind, diff, resident_visible
from store.content.patch import apply
from store.content.text_diff import SegmentKind, TextSegment, word_segments
from store.kinds.kinds import describe


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Option(_Model):
    key: str = Field(title="Nyckel")
    label: str = Field(title="Etikett", json_schema_extra={"text": True})


class _Question(_Model):
    key: str = Field(title="Nyckel")
    label: str = Field(title="Etikett", json_schema_extra={"text": True})
    required: bool = Field(title="Obligatorisk")
    options: list[_Option] = Field(title="Svarsalternativ")


class _Limits(_Model):
    age_from: int | None = Field(title="Från ålder")
    codes: list[str] = Field(title="Koder")


class _Content(_Model):
    name: str = Field(title="Namn", json_schema_extra={"text": True})
    internal_name: str = Field(title="Internt namn", json_schema_extra={"resident_visible": False})
    questions: list[_Question] = Field(title="Frågor")
    limits: Annotated[_Limits | None, Field(title="Begränsningar")]


FIELDS = describe(_Content)


def question(
    key: str, label: str = "Fråga", *, required: bool = False, options: list[Any] | None = None
) -> dict[str, Any]:
    return {"key": key, "label": label, "required": required, "options": options or []}


def content(*questions: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "name": "Förnya recept",
        "internalName": "FR",
        "questions": list(questions),
        "limits": None,
    } | other


def changes_of(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    return [
        (change.kind.value, change.path, change.before, change.after)
        for change in diff(before, after, FIELDS)
    ]


def test_equal_contents_have_no_changes() -> None:
    assert changes_of(content(question("a")), content(question("a"))) == []


def test_a_reorder_is_the_smallest_number_of_moves() -> None:
    before = content(question("a"), question("b"), question("c"), question("d"))
    after = content(question("d"), question("a"), question("b"), question("c"))

    assert changes_of(before, after) == [("MOVED", "questions[d]", 4, 1)]


def test_an_item_can_move_and_change_at_once() -> None:
    before = content(question("a"), question("b"), question("c"))
    after = content(question("c", "Ny"), question("a"), question("b"))

    assert changes_of(before, after) == [
        ("MOVED", "questions[c]", 3, 1),
        ("CHANGED", "questions[c].label", "Fråga", "Ny"),
    ]


def test_added_and_removed_items_have_their_position() -> None:
    before, after = content(question("a"), question("b")), content(question("c"), question("b"))

    changes = diff(before, after, FIELDS)

    assert changes == [
        Change(
            ChangeKind.REMOVED,
            "questions[a]",
            "Frågor › ”Fråga”",
            question("a"),
            None,
            resident_visible=True,
            position=1,
        ),
        Change(
            ChangeKind.ADDED,
            "questions[c]",
            "Frågor › ”Fråga”",
            None,
            question("c"),
            resident_visible=True,
            position=1,
        ),
    ]


def test_nested_items_are_followed_by_key() -> None:
    yes, no, unsure = ({"key": key, "label": key.title()} for key in ("ja", "nej", "oklart"))
    before = content(question("a", options=[yes, no, unsure]))
    after = content(question("a", "Ny fråga", options=[no, unsure, yes | {"label": "Jo"}]))

    changes = diff(before, after, FIELDS)

    assert [(change.kind, change.path, change.label) for change in changes] == [
        (ChangeKind.CHANGED, "questions[a].label", "Frågor › ”Ny fråga” › Etikett"),
        (
            ChangeKind.MOVED,
            "questions[a].options[ja]",
            "Frågor › ”Ny fråga” › Svarsalternativ › ”Jo”",
        ),
        (
            ChangeKind.CHANGED,
            "questions[a].options[ja].label",
            "Frågor › ”Ny fråga” › Svarsalternativ › ”Jo” › Etikett",
        ),
    ]


def test_an_internal_name_does_not_concern_residents() -> None:
    assert not resident_visible(diff(content(), content(internalName="Annat"), FIELDS))
    assert resident_visible(diff(content(), content(name="Annat"), FIELDS))


def test_true_and_one_differ() -> None:
    before, after = content(question("a")), content(question("a") | {"required": 0})

    assert changes_of(before, after) == [("CHANGED", "questions[a].required", False, 0)]


def test_a_new_object_is_one_change_and_later_changes_name_its_fields() -> None:
    limits = {"ageFrom": 18, "codes": ["01"]}

    assert changes_of(content(), content(limits=limits)) == [("CHANGED", "limits", None, limits)]
    assert changes_of(content(limits=limits), content(limits=limits | {"ageFrom": 13})) == [
        ("CHANGED", "limits.ageFrom", 18, 13)
    ]


def test_lists_without_keys_are_plain_values() -> None:
    doubled = [question("a"), question("a")]

    assert changes_of(content(), content(*doubled)) == [("CHANGED", "questions", [], doubled)]
    assert changes_of(content() | {"okänt": 1}, content()) == [("CHANGED", "okänt", 1, None)]


def test_a_changed_word_is_a_segment_of_the_text() -> None:
    [change] = diff(
        content(name="Svar inom tre dagar."), content(name="Svar inom fem dagar."), FIELDS
    )

    assert change.text == (
        TextSegment(SegmentKind.SAME, "Svar inom "),
        TextSegment(SegmentKind.DELETED, "tre"),
        TextSegment(SegmentKind.INSERTED, "fem"),
        TextSegment(SegmentKind.SAME, " dagar."),
    )


@pytest.mark.parametrize("path", ["", ".a", "a.", "a..b", "a[", "a[]", "a]b"])
def test_an_invalid_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        parse_path(path)


def test_a_path_is_read_step_by_step() -> None:
    assert parse_path("questions[a-1].options[ja].label") == (
        PathStep("questions", "a-1"),
        PathStep("options", "ja"),
        PathStep("label", None),
    )


# ------------------------------------------------------------------ any content

keys = st.sampled_from("abcdefgh")
labels = st.text(alphabet="ab .\nå", max_size=12)


def keyed(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(
        st.fixed_dictionaries({"key": keys, **fields}),
        max_size=8,
        unique_by=lambda item: item["key"],
    )


contents = st.fixed_dictionaries(
    {
        "name": labels,
        "internalName": labels,
        "questions": keyed(label=labels, required=st.booleans(), options=keyed(label=labels)),
        "limits": (
            st.none()
            | st.fixed_dictionaries(
                {
                    "ageFrom": st.none() | st.integers(0, 3),
                    "codes": st.lists(st.sampled_from(["01", "03"]), max_size=2),
                }
            )
        ),
    }
)


@given(contents, contents)
def test_applying_a_difference_gives_the_other_side(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert apply(diff(before, after, FIELDS), before) == after


@given(contents)
def test_a_content_has_no_changes_from_itself(value: dict[str, Any]) -> None:
    assert diff(value, value, FIELDS) == []


@given(labels, labels)
def test_segments_contain_both_texts(before: str, after: str) -> None:
    segments = word_segments(before, after)

    assert (
        "".join(segment.text for segment in segments if segment.kind is not SegmentKind.INSERTED)
        == before
    )
    assert (
        "".join(segment.text for segment in segments if segment.kind is not SegmentKind.DELETED)
        == after
    )
    assert all(segment.kind is not following.kind for segment, following in pairwise(segments))


@given(st.permutations("abcdef"))
def test_every_order_takes_the_smallest_number_of_moves(order: list[str]) -> None:
    changes = diff(content(*map(question, "abcdef")), content(*map(question, order)), FIELDS)

    longest = max(
        size
        for size in range(7)
        for unmoved in combinations(order, size)
        if list(unmoved) == sorted(unmoved)
    )
    assert [change.kind for change in changes] == [ChangeKind.MOVED] * (6 - longest)


def test_large_contents_are_compared_in_bounded_time() -> None:
    questions = [question(f"q{number}") for number in range(5_000)]
    text = " ".join(f"ord{number % 977}" for number in range(17_000))
    other = text.replace("ord5 ", "annat ")

    started_at = time.perf_counter()
    moved = diff(content(*questions), content(*reversed(questions)), FIELDS)
    segments = word_segments(text, other)

    assert len(moved) == 4_999
    assert (
        "".join(segment.text for segment in segments if segment.kind is not SegmentKind.DELETED)
        == other
    )
    assert time.perf_counter() - started_at < 5
