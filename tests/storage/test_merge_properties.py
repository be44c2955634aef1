"""Properties of merges of any contents: no value is lost, and no order of sides matters."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from store.content.field_paths import changed_paths, field_values
from store.content.merge import Conflict, MergeResult, MergeSide, merge
from tests.storage.merging import (
    FIELDS,
    OURS,
    THEIRS,
    MergedModel,
    merge_cleanly,
    merged_order,
)

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


def values(merged_content: Mapping[str, Any]) -> dict[str, Any]:
    return {path: leaf.value for path, leaf in field_values(merged_content, FIELDS).items()}


def covers(conflict: Conflict, path: str) -> bool:
    """Whether a conflict is about the value at a path."""
    return path == conflict.path or path.startswith((f"{conflict.path}.", f"{conflict.path}["))


def resolved(base: Any, ours: Any, theirs: Any, side: MergeSide) -> MergeResult:
    """The merge with every conflict resolved to one side."""
    conflicts = merge(base, ours, theirs, FIELDS).conflicts
    return merge(base, ours, theirs, FIELDS, {conflict.path: side for conflict in conflicts})


@given(contents, contents)
def test_a_side_without_changes_leaves_the_other_side(
    base: dict[str, Any], side: dict[str, Any]
) -> None:
    assert merge_cleanly(base, base, side) == side
    assert merge_cleanly(base, side, base) == side
    assert merge_cleanly(base, side, side) == side


@given(contents, contents, contents)
def test_every_value_comes_from_a_side_and_none_is_lost(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    found = merge(base, ours, theirs, FIELDS)

    base_values, our_values, their_values, merged_values = map(
        values, (base, ours, theirs, found.content)
    )
    for own, other in ((our_values, their_values), (their_values, our_values)):
        for path, value in own.items():
            replaced = (
                path in base_values
                and base_values[path] == value
                and (path not in other or other[path] != value)
            )
            assert (
                merged_values.get(path, ...) == value
                or replaced
                or any(covers(conflict, path) for conflict in found.conflicts)
            ), path
    for path, value in merged_values.items():
        assert value in (our_values.get(path, ...), their_values.get(path, ...)), path


@given(contents, contents, contents)
def test_a_conflict_is_a_value_that_both_sides_changed_differently(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    for conflict in merge(base, ours, theirs, FIELDS).conflicts:
        assert conflict.base != conflict.ours != conflict.theirs != conflict.base


@given(contents, contents, contents)
def test_the_result_does_not_depend_on_the_order_of_the_sides(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    result, reverse = merge(base, ours, theirs, FIELDS), merge(base, theirs, ours, FIELDS)

    def sides_by_path(
        conflicts: tuple[Conflict, ...], *, swapped: bool
    ) -> dict[str, tuple[Any, Any, Any]]:
        return {
            conflict.path: (
                (conflict.base, conflict.theirs, conflict.ours)
                if swapped
                else (conflict.base, conflict.ours, conflict.theirs)
            )
            for conflict in conflicts
        }

    assert sides_by_path(result.conflicts, swapped=False) == sides_by_path(
        reverse.conflicts, swapped=True
    )
    for side, swapped in ((OURS, THEIRS), (THEIRS, OURS)):
        assert values(resolved(base, ours, theirs, side).content) == values(
            resolved(base, theirs, ours, swapped).content
        )


@given(contents, contents, contents, st.data())
def test_each_resolution_is_applied_to_its_conflict(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], data: st.DataObject
) -> None:
    conflicts = merge(base, ours, theirs, FIELDS).conflicts
    resolutions = data.draw(
        st.fixed_dictionaries({}, optional={conflict.path: sides for conflict in conflicts})
    )

    found = merge(base, ours, theirs, FIELDS, resolutions)

    assert found.superfluous == frozenset()
    assert [conflict.path for conflict in found.conflicts] == [
        conflict.path for conflict in conflicts if conflict.path not in resolutions
    ]
    kept = values(found.content)
    for conflict in conflicts:
        if conflict.path in resolutions:
            resolved_values = values(ours if resolutions[conflict.path] is OURS else theirs)
            assert {path: kept.get(path) for path in paths_in(kept, conflict)} == {
                path: resolved_values[path] for path in paths_in(resolved_values, conflict)
            }


def paths_in(paths: Mapping[str, Any], conflict: Conflict) -> Iterator[str]:
    return (path for path in paths if covers(conflict, path))


@given(contents, contents, contents, sides)
def test_every_result_is_valid_for_the_model(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], side: MergeSide
) -> None:
    found = resolved(base, ours, theirs, side)

    assert (found.conflicts, found.superfluous) == ((), frozenset())
    assert (
        MergedModel.model_validate(found.content, strict=True).model_dump(by_alias=True)
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
def test_the_order_is_that_of_a_side_where_the_other_moved_nothing(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    found = merged_order("".join(base), "".join(ours), "".join(theirs))

    assert found == merged_order("".join(base), "".join(ours), "".join(theirs))
    for still, moving in ((ours, theirs), (theirs, ours)):
        if [key for key in still if key in base] == [key for key in base if key in still]:
            assert [key for key in found if key in moving] == [
                key for key in moving if key in found
            ]


@given(contents, contents)
def test_changed_paths_are_those_with_new_or_different_values(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    was, now = values(before), values(after)

    assert sorted(changed_paths(before, after, FIELDS)) == sorted(
        path for path, value in now.items() if path not in was or was[path] != value
    )
