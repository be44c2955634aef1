"""What comes from a template: against a model that walks each document's way up, for any lineage;
and how many clinics have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from store.clinics.filters import ClinicScope
from store.content.comparison import drift
from store.documents.heads import LogPosition, NewDocument
from store.documents.heads import created as new_document
from store.mongo.rows import document_row
from store.records import Derivation, Document, DocumentState, Owner, OwnerKind
from store.registry import Store
from store.templates.drift import DriftKey
from store.templates.lineage import MAX_LEVELS, ClinicCountKey
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    EKEN,
    LINDEN,
    STOCKHOLM,
    content,
    distributed,
    document_of,
    head_of,
    published,
    with_clinics,
)

AT = datetime(2026, 11, 25, tzinfo=UTC)
RUNS = count()


@dataclass(frozen=True)
class Drawn:
    """A document of a drawn lineage: what it is made from is an earlier one of the list, by its
    place.
    """

    template: bool
    parent: int | None
    version: int
    latest: int
    published: int | None
    archived: bool


@st.composite
def lineages(draw: st.DrawFn) -> list[Drawn]:
    """Up to 14 documents, templates and case types, of any depth and breadth."""
    drawn: list[Drawn] = []
    for _ in range(draw(st.integers(1, 14))):
        latest = draw(st.integers(1, 4))
        templates = [position for position, one in enumerate(drawn) if one.template]
        parent = draw(st.sampled_from([None, *templates]))
        version = draw(st.integers(1, drawn[parent].latest)) if parent is not None else 1
        in_force = draw(st.none() | st.integers(1, latest))
        drawn.append(
            Drawn(draw(st.booleans()), parent, version, latest, in_force, draw(st.booleans()))
        )
    return drawn


def written(drawn: Sequence[Drawn]) -> list[Document]:
    """The heads of a drawn lineage, with ids of this run."""
    run = next(RUNS)
    ids = [
        f"{(CASE_TYPE_TEMPLATE if one.template else CASE_TYPE).prefix}_{run:08x}{position:016x}"
        for position, one in enumerate(drawn)
    ]
    heads = []
    for position, one in enumerate(drawn):
        kind = CASE_TYPE_TEMPLATE if one.template else CASE_TYPE
        birth = NewDocument(ids[position], kind, STOCKHOLM, Owner(OwnerKind.PRINCIPAL, STOCKHOLM))
        derived = None if one.parent is None else Derivation(ids[one.parent], one.version)
        head, _ = new_document(
            birth, content(), derived_from=derived, act=BY_ANNA, position=LogPosition(AT, 1)
        )
        state = DocumentState.ARCHIVED if one.archived else DocumentState.ACTIVE
        heads.append(replace(head, latest=one.latest, published=one.published, state=state))
    return heads


def above(drawn: Sequence[Drawn], position: int, root: int) -> tuple[int, bool] | None:
    """How many steps a document is below another, and whether any of them is behind; None where it
    does not come from it.
    """
    depth, behind = 0, False
    while position != root:
        parent = drawn[position].parent
        if parent is None:
            return None
        behind = behind or drawn[position].version < (
            drawn[parent].published or drawn[parent].latest
        )
        position, depth = parent, depth + 1
    return depth, behind


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lineages())
async def test_what_comes_from_a_template_is_what_a_walk_up_from_each_document_finds(
    store: Store, drawn: list[Drawn]
) -> None:
    heads = written(drawn)
    await store.database["documents"].insert_many([document_row(head) for head in heads])
    places = {head.id: position for position, head in enumerate(heads)}

    found = await store.lineage.descendants([head.id for head in heads])

    for root, head in enumerate(heads):
        expected = {
            heads[position].id: way
            for position in range(len(drawn))
            if position != root and (way := above(drawn, position, root)) is not None
        }
        assert {one.id: (one.depth, one.behind) for one in found[head.id]} == expected
        assert all(
            (one.state is DocumentState.ARCHIVED) == drawn[places[one.id]].archived
            for one in found[head.id]
        )


async def test_a_ring_of_templates_is_gone_through_once(store: Store) -> None:
    one, other = written(
        [Drawn(True, None, 1, 1, 1, archived=False), Drawn(True, 0, 1, 1, 1, archived=False)]
    )
    ring = replace(
        one, derived_from=Derivation(other.id, 1)
    )  # nothing makes such a one, but nothing may hang on it
    await store.database["documents"].insert_many([document_row(ring), document_row(other)])

    found = await store.lineage.descendants([ring.id])

    assert [descendant.id for descendant in found[ring.id]] == [other.id]


async def test_a_lineage_without_end_is_followed_so_far_down(store: Store) -> None:
    heads = written(
        [
            Drawn(True, position - 1 if position else None, 1, 1, 1, archived=False)
            for position in range(MAX_LEVELS + 5)
        ]
    )
    await store.database["documents"].insert_many([document_row(head) for head in heads])

    found = await store.lineage.descendants([heads[0].id])

    assert [one.depth for one in found[heads[0].id]] == list(range(1, MAX_LEVELS + 1))


async def test_clinics_are_counted_once_each_and_now(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)
    first, second = await published(store), await published(store)
    await distributed(store, first, BJORKEN, LINDEN)
    await distributed(store, second, LINDEN, EKEN)
    await store.documents.archive(second, expected_version=1, act=BY_ANNA)
    third = await published(store)
    await distributed(store, third, LINDEN)
    both, gone, here = (
        ClinicCountKey((first.id, third.id)),
        ClinicCountKey((second.id,)),
        ClinicCountKey((first.id, third.id), ClinicScope(frozenset(), frozenset({LINDEN, EKEN}))),
    )

    assert await store.lineage.clinics([both, gone, here, ClinicCountKey(())]) == {
        both: 2,
        gone: 0,
        here: 1,
        ClinicCountKey(()): 0,
    }
    assert await store.lineage.clinics_by_principal([both, gone]) == {
        both: {STOCKHOLM: 2},
        gone: {},
    }


async def test_more_than_a_hundred_templates_are_counted_together(store: Store) -> None:
    await with_clinics(store, BJORKEN)
    case_type = await published(store)
    await distributed(store, case_type, BJORKEN)
    asked = [ClinicCountKey((case_type.id, f"ct_{ObjectId()}")) for _ in range(130)]

    assert list((await store.lineage.clinics(asked)).values()) == [1] * 130


# ------------------------------------------------------------------ drift

FIELDS = CASE_TYPE.fields


def questions(*labels: str) -> list[dict[str, str]]:
    return [{"key": label[:1].lower(), "label": label, "kind": "SHORT_TEXT"} for label in labels]


def test_drift_is_the_share_of_values_that_differ() -> None:
    before = content("Ett", questions=questions("A", "B"))
    renamed = content("Ett", questions=questions("A", "Bättre"))

    # name, introduction, submittable, onContactCard, language; restrictions: listedOnly,
    # referralRequired, proxyAllowed;
    # of each question key, label, kind, required
    assert drift(before, renamed, FIELDS) == 7  # 1 of 16, rounded up
    assert drift(before, before, FIELDS) == 0
    assert drift(before, content("Ett", questions=questions("B", "A")), FIELDS) == 0, (
        "order is no drift"
    )
    assert drift(before, content("Ett", questions=questions("A")), FIELDS) == 25  # 4 of 16
    assert drift(before, {**before, "internalName": "Annat"}, FIELDS) == 0
    assert drift({}, {}, FIELDS) == 0
    assert drift({"name": "A"}, {"name": "B"}, FIELDS) == 100
    assert drift({"onContactCard": True}, {"onContactCard": 1}, FIELDS) == 100, "true is not 1"


texts = st.sampled_from(["", "A", "B", "C"])
contents = st.builds(
    lambda name, introduction, labels: content(
        introduction, name=name, questions=questions(*labels)
    ),
    st.sampled_from(["A", "B"]),
    texts,
    st.lists(
        st.sampled_from(["Annat", "Aj", "Bara", "Cykel"]),
        max_size=3,
        unique_by=lambda label: label[0],
    ),
)


@given(contents, contents)
def test_drift_is_the_same_both_ways_and_nothing_only_between_equals(
    one: dict[str, object], other: dict[str, object]
) -> None:
    there, back = drift(one, other, FIELDS), drift(other, one, FIELDS)

    def sorted_by_key(given: dict[str, object]) -> dict[str, object]:
        return {
            **given,
            "questions": sorted(given["questions"], key=lambda question: question["key"]),  # type: ignore[call-overload]
        }

    assert there == back
    assert 0 <= there <= 100
    assert (there == 0) == (sorted_by_key(one) == sorted_by_key(other))


async def test_drift_is_told_from_the_version_that_something_was_made_from(store: Store) -> None:
    template = document_of(
        await store.documents.create(
            CASE_TYPE_TEMPLATE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
            content=content("Ett"),
            derived_from=None,
            act=BY_ANNA,
        )
    )
    made = document_of(
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=template.owner,
            content=content("Ett"),
            derived_from=Derivation(template.id, 1),
            act=BY_ANNA,
        )
    )
    await store.documents.update(
        template,
        edit=lambda now: {**now, "name": "Helt nytt"},
        expected_version=1,
        publish=True,
        act=BY_ANNA,
    )
    await store.documents.update(
        made,
        edit=lambda now: {**now, "introduction": "Två"},
        expected_version=1,
        publish=False,
        act=BY_ANNA,
    )
    head = await head_of(store, made)
    first: DriftKey = (made.id, 1, head.hash)
    second: DriftKey = (made.id, 2, head.hash)
    other: DriftKey = (template.id, 1, template.hash)

    assert await store.drifts.of([first, second, other]) == {
        first: 0,
        second: 13,
    }  # 1 of 8; the template itself comes from nothing
    assert await store.drifts.of([second]) == {second: 13}, "and so when it is remembered"
