"""Three-way merges: changes of one side are adopted, and different changes of both conflict."""

from typing import Any, cast

from resolvers.kinds.case_types import CASE_TYPE
from store.content.merge import Conflict, merge
from tests.storage.merging import (
    FIELDS,
    LIMITS,
    OURS,
    THEIRS,
    content,
    merge_cleanly,
    merged_order,
    question,
)


def test_each_side_changes_its_own_values() -> None:
    base = content(question("a"), question("b"))
    ours = content(question("a", "Vår"), question("b"), name="Vårt namn")
    theirs = content(
        question("a", required=True), question("b", "Deras"), limits=LIMITS | {"ageFrom": 18}
    )

    assert merge_cleanly(base, ours, theirs) == content(
        question("a", "Vår", required=True),
        question("b", "Deras"),
        name="Vårt namn",
        limits=LIMITS | {"ageFrom": 18},
    )


def test_additions_on_both_sides_are_kept() -> None:
    assert merged_order("ab", "abo", "abt") == "abto"
    assert merged_order("ab", "oab", "tab") == "toab"
    assert merged_order("ab", "aob", "atb") == "atob"
    assert merged_order("", "o", "t") == "to"


def test_a_removal_is_applied_where_the_other_side_left_the_item_unchanged() -> None:
    assert merged_order("abc", "ac", "abc") == "ac"
    assert merged_order("abc", "abc", "bc") == "bc"
    assert merged_order("abc", "ac", "bca") == "ca"  # moved, but not changed


def test_moves_of_both_sides_are_kept_and_ours_wins_where_both_moved_an_item() -> None:
    assert merged_order("abcd", "dabc", "abcd") == "dabc"
    assert merged_order("abcd", "abcd", "bcda") == "bcda"
    assert merged_order("abcdef", "fabcde", "bacdef") == "bfacde"
    assert merged_order("abcd", "dabc", "adbc") == "dabc"
    assert merged_order("abc", "abcx", "cab") == "cabx"


def test_removing_an_item_that_the_other_side_changed_is_a_conflict() -> None:
    base, changed, removed = content(question("a")), content(question("a", "Ny")), content()

    assert merge(base, changed, removed, FIELDS).conflicts == (
        Conflict("questions[a]", "Frågor › ”Ny”", question("a"), question("a", "Ny"), None),
    )
    assert merge(base, removed, changed, FIELDS).conflicts == (
        Conflict("questions[a]", "Frågor › ”Ny”", question("a"), None, question("a", "Ny")),
    )
    assert merge_cleanly(base, changed, removed, **{"questions[a]": OURS}) == changed
    assert merge_cleanly(base, changed, removed, **{"questions[a]": THEIRS}) == removed
    assert merge_cleanly(base, removed, changed, **{"questions[a]": THEIRS}) == changed


def test_different_items_added_under_one_key_are_a_conflict() -> None:
    [conflict] = merge(
        content(), content(question("a", "Vår")), content(question("a", "Deras")), FIELDS
    ).conflicts

    assert conflict == Conflict(
        "questions[a]", "Frågor › ”Vår”", None, question("a", "Vår"), question("a", "Deras")
    )
    assert merge_cleanly(content(), content(question("a")), content(question("a"))) == content(
        question("a")
    )


def test_a_text_that_both_sides_changed_is_one_conflict() -> None:
    [conflict] = merge(
        content(), content(name="Förnya ditt recept"), content(name="Förnya recept nu"), FIELDS
    ).conflicts

    assert conflict == Conflict(
        "name", "Namn", "Förnya recept", "Förnya ditt recept", "Förnya recept nu"
    )


def test_an_equal_change_on_both_sides_is_no_conflict() -> None:
    assert merge_cleanly(content(), content(name="Nytt"), content(name="Nytt")) == content(
        name="Nytt"
    )


def test_nested_items_and_objects_are_merged_field_by_field() -> None:
    yes, no, unsure = ({"key": key, "label": key.title()} for key in ("ja", "nej", "oklart"))
    base = content(question("a", options=[yes, no]))
    ours = content(question("a", options=[yes, no, unsure]), limits=LIMITS | {"ageFrom": 13})
    theirs = content(
        question("a", options=[no, yes | {"label": "Jo"}]), limits=LIMITS | {"ageTo": 65}
    )

    assert merge_cleanly(base, ours, theirs) == content(
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


def test_the_response_time_and_a_condition_of_a_case_type_are_one_value_each() -> None:
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


def test_lists_without_keys_and_unknown_fields_are_one_value_each() -> None:
    doubled = content(question("a"), question("a"))

    assert [
        conflict.path
        for conflict in merge(content(), doubled, content(question("b")), FIELDS).conflicts
    ] == ["questions"]
    assert merge_cleanly(content(annat=1), content(annat=1), content()) == content()


def test_true_and_one_differ() -> None:
    base, ours, theirs = (content(question("a", required=value)) for value in (False, True, 1))

    assert [conflict.path for conflict in merge(base, ours, theirs, FIELDS).conflicts] == [
        "questions[a].required"
    ]


def test_a_resolution_without_a_conflict_is_superfluous() -> None:
    found = merge(
        content(), content(name="Nytt"), content(), FIELDS, {"name": OURS, "questions[x]": THEIRS}
    )

    assert found.superfluous == {"name", "questions[x]"}


def test_large_lists_are_merged_in_bounded_time() -> None:
    base = content(*(question(f"q{number}") for number in range(5_000)))
    ours = cast("dict[str, Any]", base | {"questions": base["questions"][::-1]})
    theirs = base | {"questions": [*base["questions"][2_500:], question("ny")]}

    assert len(merge_cleanly(base, ours, theirs)["questions"]) == 2_501
