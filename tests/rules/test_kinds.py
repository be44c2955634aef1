"""The rules of kinds other than case types, and the rules for texts of every kind."""

from collections.abc import Iterator
from typing import Any

import pytest

from resolvers.kinds.registrations import KINDS
from resolvers.kinds.validation import validate
from store.errors import InvalidInput
from store.kinds.kinds import Field
from store.records import OwnerKind
from tests.kinds import SAMPLES, Sample

NUMBER = "19121212-1212"
BROKEN = [(name, code) for name, sample in SAMPLES.items() for code in sample.broken]


def problems_of(sample: Sample, content: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        validate(KINDS[sample.name], content)
    assert NUMBER not in str(caught.value)
    return [(problem.code, ".".join(problem.path)) for problem in caught.value.problems]


def text_paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of each text in a content."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from text_paths(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from text_paths(item, (*path, index))


def replaced(value: Any, path: tuple[str | int, ...], text: str) -> Any:
    """A content with another text at a path."""
    if not path:
        return text
    first, *rest = path
    if isinstance(value, list):
        return [
            replaced(item, tuple(rest), text) if index == first else item
            for index, item in enumerate(value)
        ]
    return {
        name: replaced(item, tuple(rest), text) if name == first else item
        for name, item in value.items()
    }


def rich_text_paths(
    fields: Any, content: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """The path of each Markdown text in a content."""
    described: dict[str, Field] = dict(fields)
    for name, field in described.items():
        value = content.get(name)
        if field.rich:
            yield (*path, name)
        if field.fields and isinstance(value, list):
            for index, item in enumerate(value):
                yield from rich_text_paths(field.fields, item, (*path, name, index))


def test_every_kind_except_the_adaptation_has_a_sample() -> None:
    assert {sample.name for sample in SAMPLES.values()} | {"LOCAL_ADAPTATION"} == {
        kind.name for kind in KINDS
    }


def test_prefixes_of_ids_are_unique() -> None:
    assert (
        len({kind.prefix for kind in KINDS} | {"pr", "cl", "ev", "gr", "as", "rg", "sub"})
        == len(list(KINDS)) + 7
    )


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_registration_states_owners_sharing_notification_and_visibility(name: str) -> None:
    sample = SAMPLES[name]
    kind = KINDS[sample.name]

    assert (kind.owners, kind.shared.name, kind.notifies_clinics, kind.resident_visible) == (
        sample.owners,
        sample.shared,
        sample.notifies,
        sample.shown,
    )


def test_only_case_types_are_assignable() -> None:
    assert [kind.name for kind in KINDS if kind.assignable] == ["CASE_TYPE"]


def test_an_adaptation_belongs_to_a_clinic_and_notifies_it() -> None:
    assert (KINDS["LOCAL_ADAPTATION"].owners, KINDS["LOCAL_ADAPTATION"].notifies_clinics) == (
        frozenset({OwnerKind.CLINIC}),
        True,
    )


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_content_is_stored_unchanged_with_every_field(name: str) -> None:
    sample = SAMPLES[name]

    stored = validate(KINDS[sample.name], sample.content)

    assert stored.keys() == {
        field.alias for field in KINDS[sample.name].model.model_fields.values()
    }
    assert {
        field: stored[field]
        for field in sample.content
        if field not in {"questions", "terms", "referrals"}
    } == {
        field: value
        for field, value in sample.content.items()
        if field not in {"questions", "terms", "referrals"}
    }
    assert validate(KINDS[sample.name], stored) == stored


@pytest.mark.parametrize(("name", "code"), BROKEN, ids=[f"{name}-{code}" for name, code in BROKEN])
def test_a_broken_rule_is_reported_with_its_path(name: str, code: str) -> None:
    sample = SAMPLES[name]
    change, path = sample.broken[code]

    assert (code, path) in problems_of(sample, {**sample.content, **change})
    assert {other_code for other_code, _ in problems_of(sample, {**sample.content, **change})} == {
        code
    }


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_text_of_any_kind_may_contain_a_personal_identity_number(name: str) -> None:
    sample = SAMPLES[name]
    text_positions = list(text_paths(dict(sample.content)))

    assert len(text_positions) > 3
    for path in text_positions:
        problems = problems_of(sample, replaced(dict(sample.content), path, f"Patienten {NUMBER}"))
        assert ("PERSONAL_NUMBER", ".".join(["content", *map(str, path)])) in problems, path


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_rich_text_of_any_kind_may_contain_html_or_a_script_link(name: str) -> None:
    sample = SAMPLES[name]
    content = validate(KINDS[sample.name], sample.content)

    for path in rich_text_paths(KINDS[sample.name].fields, content):
        dotted = ".".join(["content", *map(str, path)])
        assert problems_of(sample, replaced(content, path, "<script>x</script>")) == [
            ("RAW_HTML", dotted)
        ]
        assert problems_of(sample, replaced(content, path, "[x](javascript:alert)")) == [
            ("URL_SCHEME", dotted)
        ]


def test_a_time_is_stored_in_utc_with_milliseconds() -> None:
    content = {
        **SAMPLES["notice"].content,
        "startsAt": "2026-12-01T21:00:00.1234+02:00",
        "endsAt": None,
    }

    stored = validate(KINDS["NOTICE"], content)

    assert (stored["startsAt"], stored["endsAt"]) == ("2026-12-01T19:00:00.123Z", None)


@pytest.mark.parametrize(
    "time",
    [
        "2026-12-01",
        "2026-12-01T20:00:00",
        "2026-02-30T20:00:00Z",
        "0001-01-01T00:00:00+10:00",
        5,
        True,
    ],
)
def test_an_invalid_time_is_refused(time: object) -> None:
    assert problems_of(SAMPLES["notice"], {**SAMPLES["notice"].content, "startsAt": time}) == [
        ("INVALID_TIME", "content.startsAt")
    ]


def test_a_terms_text_without_terms_needs_no_acceptance() -> None:
    from resolvers.kinds.terms_texts import requires_acceptance  # noqa: PLC0415

    content = validate(KINDS["TERMS_TEXT"], SAMPLES["termsText"].content)

    assert (
        requires_acceptance(content),
        requires_acceptance({**content, "terms": ""}),
        requires_acceptance({**content, "terms": " \u200b\n"}),
    ) == (True, False, False)
