"""Three-way merges: what one side changed is taken, what both changed otherwise is a conflict, and
nothing is lost silently.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from resolvers.kinds.case_types import CASE_TYPE
from store.content.field_paths import changed_paths, field_values
from store.content.merge import Conflict, MergeResult, MergeSide, merge
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


class _Content(_Model):
    name: str = Field(title="Namn", json_schema_extra={"text": True})
    questions: list[_Question] = Field(title="Frågor")
    limits: _Limits = Field(title="Begränsningar")
    time: _Time | None = Field(title="Svarstid")


FIELDS = describe(_Content)
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


def merged(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    **resolutions: MergeSide,
) -> dict[str, Any]:
    """The content of a merge without conflicts."""
    found = merge(base, ours, theirs, FIELDS, resolutions)
    assert (found.conflicts, found.superfluous) == ((), frozenset())
    return found.content


def keys(merged_content: Mapping[str, Any]) -> str:
    return "".join(item["key"] for item in merged_content["questions"])


def order(base: str, ours: str, theirs: str) -> str:
    """The order that three lists of questions are merged to."""
    return keys(merged(*(content(*map(question, side)) for side in (base, ours, theirs))))


def test_each_side_changes_its_own_values() -> None:
    base = content(question("a"), question("b"))
    ours = content(question("a", "Vår"), question("b"), name="Vårt namn")
    theirs = content(
        question("a", required=True), question("b", "Deras"), limits=LIMITS | {"ageFrom": 18}
    )

    assert merged(base, ours, theirs) == content(
        question("a", "Vår", required=True),
        question("b", "Deras"),
        name="Vårt namn",
        limits=LIMITS | {"ageFrom": 18},
    )


def test_additions_on_both_sides_are_kept() -> None:
    assert order("ab", "abo", "abt") == "abto"
    assert order("ab", "oab", "tab") == "toab"
    assert order("ab", "aob", "atb") == "atob"
    assert order("", "o", "t") == "to"


def test_a_removal_is_honoured_where_the_other_side_left_the_item_alone() -> None:
    assert order("abc", "ac", "abc") == "ac"
    assert order("abc", "abc", "bc") == "bc"
    assert order("abc", "ac", "bca") == "ca"  # moved, but not changed


def test_moves_of_both_sides_are_kept_and_ours_stands_where_both_moved_an_item() -> None:
    assert order("abcd", "dabc", "abcd") == "dabc"
    assert order("abcd", "abcd", "bcda") == "bcda"
    assert order("abcdef", "fabcde", "bacdef") == "bfacde"
    assert order("abcd", "dabc", "adbc") == "dabc"
    assert order("abc", "abcx", "cab") == "cabx"


def test_a_removal_of_what_the_other_side_changed_is_a_conflict() -> None:
    base, changed, removed = content(question("a")), content(question("a", "Ny")), content()

    assert merge(base, changed, removed, FIELDS).conflicts == (
        Conflict("questions[a]", "Frågor › ”Ny”", question("a"), question("a", "Ny"), None),
    )
    assert merge(base, removed, changed, FIELDS).conflicts == (
        Conflict("questions[a]", "Frågor › ”Ny”", question("a"), None, question("a", "Ny")),
    )
    assert merged(base, changed, removed, **{"questions[a]": OURS}) == changed
    assert merged(base, changed, removed, **{"questions[a]": THEIRS}) == removed
    assert merged(base, removed, changed, **{"questions[a]": THEIRS}) == changed


def test_an_item_that_both_sides_add_otherwise_under_one_key_is_a_conflict() -> None:
    [conflict] = merge(
        content(), content(question("a", "Vår")), content(question("a", "Deras")), FIELDS
    ).conflicts

    assert conflict == Conflict(
        "questions[a]", "Frågor › ”Vår”", None, question("a", "Vår"), question("a", "Deras")
    )
    assert merged(content(), content(question("a")), content(question("a"))) == content(
        question("a")
    )


def test_a_text_that_both_sides_changed_is_a_conflict_and_no_words_are_mixed() -> None:
    [conflict] = merge(
        content(), content(name="Förnya ditt recept"), content(name="Förnya recept nu"), FIELDS
    ).conflicts

    assert conflict == Conflict(
        "name", "Namn", "Förnya recept", "Förnya ditt recept", "Förnya recept nu"
    )


def test_what_both_sides_changed_alike_is_no_conflict() -> None:
    assert merged(content(), content(name="Nytt"), content(name="Nytt")) == content(name="Nytt")


def test_nested_items_and_objects_are_merged_by_what_is_in_them() -> None:
    yes, no, unsure = ({"key": key, "label": key.title()} for key in ("ja", "nej", "oklart"))
    base = content(question("a", options=[yes, no]))
    ours = content(question("a", options=[yes, no, unsure]), limits=LIMITS | {"ageFrom": 13})
    theirs = content(
        question("a", options=[no, yes | {"label": "Jo"}]), limits=LIMITS | {"ageTo": 65}
    )

    assert merged(base, ours, theirs) == content(
        question("a", options=[no, yes | {"label": "Jo"}, unsure]),
        limits=LIMITS | {"ageFrom": 13, "ageTo": 65},
    )
    both = merge(
        base,
        ours,
        content(question("a", options=[no, yes])) | {"limits": LIMITS | {"ageFrom": 18}},
        FIELDS,
    )
    assert [conflict.path for conflict in both.conflicts] == ["limits.ageFrom"]


def test_an_object_that_can_be_missing_is_one_value() -> None:
    base = content(time={"amount": 3, "unit": "DAYS"})

    [conflict] = merge(
        base,
        content(time={"amount": 5, "unit": "DAYS"}),
        content(time={"amount": 3, "unit": "HOURS"}),
        FIELDS,
    ).conflicts

    assert (conflict.path, conflict.ours, conflict.theirs) == (
        "time",
        {"amount": 5, "unit": "DAYS"},
        {"amount": 3, "unit": "HOURS"},
    )


def test_of_a_case_type_the_response_time_and_a_condition_are_one_value_and_restrictions_are_not() -> (
    None
):
    questions = CASE_TYPE.fields["questions"].fields or {}

    assert [name for name, field in CASE_TYPE.fields.items() if field.whole] == ["responseTime"]
    assert [name for name, field in questions.items() if field.whole] == ["shownIf"]


def test_a_list_of_codes_is_one_value() -> None:
    base, ours, theirs = (
        content(limits=LIMITS | {"codes": codes}) for codes in (["01"], ["01", "03"], [])
    )

    [conflict] = merge(base, ours, theirs, FIELDS).conflicts

    assert (conflict.path, conflict.base, conflict.ours, conflict.theirs) == (
        "limits.codes",
        ["01"],
        ["01", "03"],
        [],
    )


def test_lists_without_keys_are_one_value_and_unknown_fields_plain_ones() -> None:
    doubled = content(question("a"), question("a"))

    assert [
        conflict.path
        for conflict in merge(content(), doubled, content(question("b")), FIELDS).conflicts
    ] == ["questions"]
    assert merged(content(annat=1), content(annat=1), content()) == content()


def test_true_is_not_one() -> None:
    base, ours, theirs = (content(question("a", required=value)) for value in (False, True, 1))

    assert [conflict.path for conflict in merge(base, ours, theirs, FIELDS).conflicts] == [
        "questions[a].required"
    ]


def test_a_resolution_for_no_conflict_is_superfluous() -> None:
    found = merge(
        content(), content(name="Nytt"), content(), FIELDS, {"name": OURS, "questions[x]": THEIRS}
    )

    assert found.superfluous == {"name", "questions[x]"}


# ------------------------------------------------------------------ any contents

_keys = st.sampled_from("abcdef")
_labels = st.sampled_from(["", "en", "två"])


def keyed(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(
        st.fixed_dictionaries({"key": _keys, **fields}),
        max_size=6,
        unique_by=lambda item: item["key"],
    )


_ages = st.none() | st.integers(0, 1)
contents = st.fixed_dictionaries(
    {
        "name": _labels,
        "questions": keyed(label=_labels, required=st.booleans(), options=keyed(label=_labels)),
        "limits": st.fixed_dictionaries(
            {
                "ageFrom": _ages,
                "ageTo": _ages,
                "codes": st.lists(st.sampled_from(["01", "03"]), max_size=2),
            }
        ),
        "time": st.none() | st.fixed_dictionaries({"amount": st.integers(0, 1), "unit": _labels}),
    }
)
sides = st.sampled_from(MergeSide)


def values(one: Mapping[str, Any]) -> dict[str, Any]:
    return {path: leaf.value for path, leaf in field_values(one, FIELDS).items()}


def covers(conflict: Conflict, path: str) -> bool:
    """Whether a conflict is about the value at a path."""
    return path == conflict.path or path.startswith((f"{conflict.path}.", f"{conflict.path}["))


def resolved(base: Any, ours: Any, theirs: Any, side: MergeSide) -> MergeResult:
    """The merge with every conflict resolved to one side."""
    conflicts = merge(base, ours, theirs, FIELDS).conflicts
    return merge(base, ours, theirs, FIELDS, {conflict.path: side for conflict in conflicts})


@given(contents, contents)
def test_a_side_that_changed_nothing_changes_nothing(
    base: dict[str, Any], side: dict[str, Any]
) -> None:
    assert merged(base, base, side) == side
    assert merged(base, side, base) == side
    assert merged(base, side, side) == side


@given(contents, contents, contents)
def test_no_value_is_lost_and_none_is_made_up(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    found = merge(base, ours, theirs, FIELDS)

    was, mine, yours, kept = map(values, (base, ours, theirs, found.content))
    for own, other in ((mine, yours), (yours, mine)):
        for path, value in own.items():
            given_up = (
                path in was and was[path] == value and (path not in other or other[path] != value)
            )
            assert (
                kept.get(path, ...) == value
                or given_up
                or any(covers(conflict, path) for conflict in found.conflicts)
            ), path
    for path, value in kept.items():
        assert value in (mine.get(path, ...), yours.get(path, ...)), path


@given(contents, contents, contents)
def test_a_conflict_is_where_both_sides_changed_a_value_apart(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    for conflict in merge(base, ours, theirs, FIELDS).conflicts:
        assert conflict.base != conflict.ours != conflict.theirs != conflict.base


@given(contents, contents, contents)
def test_what_is_kept_does_not_depend_on_who_is_who(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    one, other = merge(base, ours, theirs, FIELDS), merge(base, theirs, ours, FIELDS)

    def told(conflicts: tuple[Conflict, ...], *, swapped: bool) -> dict[str, tuple[Any, Any, Any]]:
        return {
            one.path: (
                (one.base, one.theirs, one.ours) if swapped else (one.base, one.ours, one.theirs)
            )
            for one in conflicts
        }

    assert told(one.conflicts, swapped=False) == told(other.conflicts, swapped=True)
    for side, swapped in ((OURS, THEIRS), (THEIRS, OURS)):
        assert values(resolved(base, ours, theirs, side).content) == values(
            resolved(base, theirs, ours, swapped).content
        )


@given(contents, contents, contents, st.data())
def test_resolutions_are_honoured_one_by_one(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], data: st.DataObject
) -> None:
    conflicts = merge(base, ours, theirs, FIELDS).conflicts
    chosen = data.draw(
        st.fixed_dictionaries({}, optional={conflict.path: sides for conflict in conflicts})
    )

    found = merge(base, ours, theirs, FIELDS, chosen)

    assert found.superfluous == frozenset()
    assert [conflict.path for conflict in found.conflicts] == [
        conflict.path for conflict in conflicts if conflict.path not in chosen
    ]
    kept = values(found.content)
    for conflict in conflicts:
        if conflict.path in chosen:
            taken = values(ours if chosen[conflict.path] is OURS else theirs)
            assert {path: kept.get(path) for path in inside(kept, conflict)} == {
                path: taken[path] for path in inside(taken, conflict)
            }


def inside(of: Mapping[str, Any], conflict: Conflict) -> Iterator[str]:
    return (path for path in of if covers(conflict, path))


@given(contents, contents, contents, sides)
def test_every_result_has_the_models_shape(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], side: MergeSide
) -> None:
    found = resolved(base, ours, theirs, side)

    assert (found.conflicts, found.superfluous) == ((), frozenset())
    assert (
        _Content.model_validate(found.content, strict=True).model_dump(by_alias=True)
        == found.content
    )
    for items in (
        found.content["questions"],
        *(question["options"] for question in found.content["questions"]),
    ):
        assert len({item["key"] for item in items}) == len(items)


@given(
    st.permutations("abcdef"),
    st.lists(_keys | st.sampled_from("xyz"), unique=True),
    st.lists(_keys | st.sampled_from("uvw"), unique=True),
)
def test_the_order_is_each_sides_where_the_other_moved_nothing(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    found = order("".join(base), "".join(ours), "".join(theirs))

    assert found == order("".join(base), "".join(ours), "".join(theirs))
    for still, moving in ((ours, theirs), (theirs, ours)):
        if [key for key in still if key in base] == [key for key in base if key in still]:
            assert [key for key in found if key in moving] == [
                key for key in moving if key in found
            ]


@given(contents, contents)
def test_the_values_that_a_version_changed_are_those_that_are_new_or_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    was, now = values(before), values(after)

    assert sorted(changed_paths(before, after, FIELDS)) == sorted(
        path for path, value in now.items() if path not in was or was[path] != value
    )


def test_large_lists_are_merged_in_bounded_time() -> None:
    base = content(*(question(f"q{number}") for number in range(5_000)))
    ours = cast("dict[str, Any]", base | {"questions": base["questions"][::-1]})
    theirs = base | {"questions": [*base["questions"][2_500:], question("ny")]}

    assert len(merged(base, ours, theirs)["questions"]) == 2_501
