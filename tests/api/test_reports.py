"""Reports: exact counts, for a moment, a period or now; each within the viewer's rights."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store.records import Role
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, Caller, Json
from tests.world import CONTENT, World

ASKED = "principal: $principal, clinics: $clinics"


async def report(
    caller: Caller,
    select: str,
    period: Json | None = None,
    *,
    principal: str | None = None,
    clinics: Json | None = None,
    **variables: Any,
) -> Any:
    """One report; `select` is its field with its arguments and what is wanted of it.

    The answer is that of the field.
    """
    variables |= period or {}
    declared = "".join(
        f", ${name}: {'DateTime' if name in ('at', 'from', 'to') else 'ID'}!" for name in variables
    )
    query = (
        f"query($principal: HsaId, $clinics: ClinicFilter{declared}) {{ reports({ASKED}) {{"
        f" {select} }} }}"
    )
    [answer] = (await caller.ask(query, principal=principal, clinics=clinics, **variables))[
        "reports"
    ].values()
    return answer


def nodes(connection: Json) -> list[Json]:
    return [edge["node"] for edge in connection["edges"]]


async def acknowledged(caller: Caller, clinic: str) -> str:
    """All that a clinic was told is acknowledged; when."""
    query = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 1) { edges { cursor"
        " } } } }"
    )
    [edge] = (await caller.ask(query, clinic=clinic))["clinic"]["notifications"]["edges"]
    done = await caller.done(
        "notificationsAcknowledge", "event { at }", clinic=clinic, upTo=edge["cursor"]
    )
    at: str = done["event"]["at"]
    return at


async def published(world: World, name: str) -> str:
    case_type = await world.draft(CONTENT | {"name": name})
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


async def local(world: World, name: str, clinic: str = BJORKEN) -> str:
    """A clinic's own case type, published."""
    made = await world.region.done(
        "caseTypeCreate", "caseType { id }", owner=clinic, content=CONTENT | {"name": name}
    )
    case_type: str = made["caseType"]["id"]
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


def linden(world: World) -> Caller:
    return world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)


async def at_of(world: World, event: str) -> str:
    at: str = (
        await world.region.ask(
            "query($id: ID!) { node(id: $id) { ... on Event { at } } }", id=event
        )
    )["node"]["at"]
    return at


# ------------------------------------------------------------------ case types per clinic

PER_CLINIC = (
    "{ totalCount pageInfo { hasNextPage endCursor } edges { node { clinic { hsaId } caseTypes"
    " distributed followed own } } }"
)


def per_clinic(connection: Json) -> list[tuple[str, int, int, int, int]]:
    return [
        (row["clinic"]["hsaId"], row["caseTypes"], row["distributed"], row["followed"], row["own"])
        for row in nodes(connection)
    ]


async def test_case_types_are_counted_per_clinic_by_how_they_came_those_without_any_too(
    world: World,
) -> None:
    other = await published(world, "Boka tid")
    await local(world, "Egen")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    before = (
        await world.region.done("caseTypeFollow", "event { at }", caseType=other, clinic=BJORKEN)
    )["event"]["at"]
    await world.region.done(
        "caseTypeWithdraw",
        "event { at }",
        caseType=world.case_type,
        **{"from": {"hsaIds": [LINDEN]}},
    )
    rest = [(f"SE2321000016-1A0{number}", 0, 0, 0, 0) for number in (3, 4, 5)]

    now = await report(world.region, f"caseTypesPerClinic {PER_CLINIC}")
    then = await report(world.region, f"caseTypesPerClinic(asOf: $at) {PER_CLINIC}", at=before)
    most = await report(
        world.region,
        f"caseTypesPerClinic(orderBy: MOST_FIRST, asOf: $at, first: 2) {PER_CLINIC}",
        at=before,
    )
    fewest = await report(
        world.region, f"caseTypesPerClinic(orderBy: FEWEST_FIRST, first: 4) {PER_CLINIC}"
    )
    long_ago = await report(
        world.region, f"caseTypesPerClinic(asOf: $at) {PER_CLINIC}", at="2020-01-01T00:00:00Z"
    )

    assert per_clinic(now) == [(BJORKEN, 3, 1, 1, 1), (LINDEN, 0, 0, 0, 0), *rest]
    assert per_clinic(then) == [(BJORKEN, 3, 1, 1, 1), (LINDEN, 1, 1, 0, 0), *rest]
    assert (per_clinic(most), most["pageInfo"]["hasNextPage"]) == (
        [(BJORKEN, 3, 1, 1, 1), (LINDEN, 1, 1, 0, 0)],
        True,
    )
    assert per_clinic(fewest) == [(LINDEN, 0, 0, 0, 0), *rest]
    assert {now["totalCount"], then["totalCount"], most["totalCount"], fewest["totalCount"]} == {5}
    assert {row[1:] for row in per_clinic(long_ago)} == {(0, 0, 0, 0)}


@pytest.mark.parametrize("order", ["CLINIC_ASC", "MOST_FIRST", "FEWEST_FIRST"])
async def test_clinics_are_paged_without_gap_or_repeat_in_every_order(
    world: World, order: str
) -> None:
    await world.distribute(world.case_type, LINDEN)
    whole = await report(world.region, f"caseTypesPerClinic(orderBy: {order}) {PER_CLINIC}")
    found, after = [], None

    for _ in range(5):
        place = f', after: "{after}"' if after else ""
        page = await report(
            world.region, f"caseTypesPerClinic(orderBy: {order}, first: 1{place}) {PER_CLINIC}"
        )
        after = page["pageInfo"]["endCursor"]
        found += per_clinic(page)

    assert found == per_clinic(whole)
    assert page["pageInfo"]["hasNextPage"] is False


async def test_a_report_is_on_the_clinics_that_are_chosen(world: World) -> None:
    await world.distribute(world.case_type)
    group = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="Grupp", hsaIds=[LINDEN]
    )

    in_group = await report(
        world.region,
        f"caseTypesPerClinic {PER_CLINIC}",
        clinics={"group": group["clinicGroup"]["id"]},
    )
    midwives = await report(
        world.region,
        f"caseTypesPerClinic(orderBy: MOST_FIRST) {PER_CLINIC}",
        clinics={"businessClassifications": ["1504"]},
    )
    elsewhere = await report(world.region, f"caseTypesPerClinic {PER_CLINIC}", principal=UPPSALA)
    of_group = await report(
        world.region,
        "clinicsPerCaseType { edges { node { clinics } } }",
        clinics={"group": group["clinicGroup"]["id"]},
    )

    assert (per_clinic(in_group), in_group["totalCount"]) == ([(LINDEN, 1, 1, 0, 0)], 1)
    assert per_clinic(midwives) == [(BJORKEN, 1, 1, 0, 0)]
    assert (per_clinic(elsewhere), elsewhere["totalCount"]) == ([], 0)
    assert nodes(of_group) == [{"clinics": 1}]
    query = (
        "query($clinics: ClinicFilter) { reports(clinics: $clinics) { caseTypesPerClinic {"
        " totalCount } } }"
    )
    assert await world.staff.refused(query, clinics={"group": group["clinicGroup"]["id"]}) == [
        "NOT_FOUND"
    ]
    assert await world.region.refused(
        '{ reports(principal: "SE2321009999") { caseTypesPerClinic { totalCount } } }'
    ) == ["NOT_FOUND"]


# ------------------------------------------------------------------ clinics per case type

PER_CASE_TYPE = """{ totalCount edges { node { caseType { id } version clinics distributed followed
    adoption { assigned acknowledged pending unseen byVersion { version clinics since } } } } }"""


async def test_clinics_are_counted_per_case_type_and_version_now_and_then(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await acknowledged(world.staff, BJORKEN)
    await acknowledged(linden(world), LINDEN)
    replaced = await at_of(
        world,
        (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"]["id"],
    )
    between = await acknowledged(world.staff, BJORKEN)
    await acknowledged(linden(world), LINDEN)
    await local(world, "Egen")

    now = await report(world.region, f"clinicsPerCaseType {PER_CASE_TYPE}")
    then = await report(world.region, f"clinicsPerCaseType(asOf: $at) {PER_CASE_TYPE}", at=between)
    at_replacing = await report(
        world.region, f"clinicsPerCaseType(asOf: $at) {PER_CASE_TYPE}", at=replaced
    )
    own = await report(world.staff, f"clinicsPerCaseType {PER_CASE_TYPE}")
    long_ago = await report(
        world.region, f"clinicsPerCaseType(asOf: $at) {PER_CASE_TYPE}", at="2020-01-01T00:00:00Z"
    )

    row = {
        "caseType": {"id": world.case_type},
        "version": 2,
        "clinics": 2,
        "distributed": 2,
        "followed": 0,
    }
    lagging = {"version": 1, "clinics": 1, "since": replaced}
    assert nodes(now) == [
        {
            **row,
            "adoption": {
                "assigned": 2,
                "acknowledged": 2,
                "pending": 0,
                "unseen": 0,
                "byVersion": [{"version": 2, "clinics": 2, "since": None}],
            },
        }
    ]
    assert nodes(then) == [
        {
            **row,
            "adoption": {
                "assigned": 2,
                "acknowledged": 1,
                "pending": 1,
                "unseen": 0,
                "byVersion": [lagging, {"version": 2, "clinics": 1, "since": None}],
            },
        }
    ]
    assert nodes(at_replacing)[0]["adoption"]["byVersion"] == [{**lagging, "clinics": 2}]
    assert nodes(own)[0]["clinics"] == 1
    assert (long_ago["totalCount"], nodes(long_ago)) == (0, [])


# ------------------------------------------------------------------ who lags

BEHIND = "{ totalCount edges { node { clinic { hsaId } caseTypes since } } }"


async def test_who_lags_and_since_when_now_and_then(world: World) -> None:
    other = await published(world, "Boka tid")
    handed = {}
    for case_type, clinic in (
        (world.case_type, BJORKEN),
        (other, BJORKEN),
        (world.case_type, LINDEN),
    ):
        handed[case_type, clinic] = await at_of(
            world, (await distributed(world, case_type, clinic))
        )
    start = await report(world.region, f"clinicsBehind {BEHIND}")
    await acknowledged(world.staff, BJORKEN)
    await acknowledged(linden(world), LINDEN)
    nobody = await report(world.region, f"clinicsBehind {BEHIND}")
    replaced = await at_of(
        world,
        (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"]["id"],
    )
    await acknowledged(linden(world), LINDEN)

    now = await report(world.region, f"clinicsBehind {BEHIND}")
    then = await report(
        world.region,
        f"clinicsBehind(asOf: $at, orderBy: MOST_FIRST) {BEHIND}",
        at=handed[world.case_type, LINDEN],
    )
    both = await report(
        world.region, f"clinicsBehind(asOf: $at, orderBy: CLINIC_ASC) {BEHIND}", at=replaced
    )

    first = {
        "clinic": {"hsaId": BJORKEN},
        "caseTypes": 2,
        "since": handed[world.case_type, BJORKEN],
    }
    second = {"clinic": {"hsaId": LINDEN}, "caseTypes": 1, "since": handed[world.case_type, LINDEN]}
    assert nodes(start) == nodes(then) == [first, second]
    assert (nobody["totalCount"], nodes(nobody)) == (0, [])
    assert (now["totalCount"], nodes(now)) == (
        1,
        [{"clinic": {"hsaId": BJORKEN}, "caseTypes": 1, "since": replaced}],
    )
    assert nodes(both) == [
        {"clinic": {"hsaId": clinic}, "caseTypes": 1, "since": replaced}
        for clinic in (BJORKEN, LINDEN)
    ]
    assert nodes(await report(linden(world), f"clinicsBehind {BEHIND}")) == []


async def distributed(world: World, case_type: str, *clinics: str) -> str:
    done = await world.region.done(
        "caseTypeDistribute", "event { id }", caseType=case_type, to={"hsaIds": list(clinics)}
    )
    event: str = done["event"]["id"]
    return event


# ------------------------------------------------------------------ from publication to acknowledgement

TIME = "{ acknowledged pending medianSeconds p90Seconds histogram { upToHours acknowledgements } }"
TIMES = f"{{ publications total {TIME} byCaseType {{ caseType {{ id }} time {TIME} }} }}"


def seconds(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


async def test_the_time_from_publication_to_acknowledgement_is_measured_per_case_type_and_group(
    world: World,
) -> None:
    group = (
        await world.region.done(
            "clinicGroupSave",
            "clinicGroup { id }",
            principal=STOCKHOLM,
            name="Grupp",
            hsaIds=[LINDEN],
        )
    )["clinicGroup"]["id"]
    other = await published(world, "Boka tid")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await world.distribute(other, BJORKEN)
    first = await at_of(
        world,
        (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"]["id"],
    )
    read = await acknowledged(world.staff, BJORKEN)
    second = await at_of(
        world,
        (await world.edit(world.case_type, 2, publish=True, introduction="Tre."))["event"]["id"],
    )
    third = await at_of(
        world, (await world.edit(other, 1, publish=True, introduction="Två."))["event"]["id"]
    )
    later = await acknowledged(linden(world), LINDEN)
    by_group = (
        "acknowledgementTimes(from: $from) { byClinicGroup(groups: [$group]) { clinicGroup { id"
        f" }} time {TIME} }} }}"
    )

    found = await report(
        world.region, f"acknowledgementTimes(from: $from) {TIMES}", {"from": first}
    )
    only_first = await report(
        world.region,
        f"acknowledgementTimes(from: $from, to: $to) {TIMES}",
        {"from": first, "to": second},
    )
    one = await report(
        world.region,
        f"acknowledgementTimes(from: $from, caseType: $one) {TIMES}",
        {"from": first},
        one=other,
    )
    in_group = await report(world.region, by_group, {"from": first}, group=group)
    own = await report(world.staff, f"acknowledgementTimes(from: $from) {TIMES}", {"from": first})

    taken = sorted([seconds(first, read), seconds(first, later), seconds(second, later)])
    assert (found["publications"], found["total"]["acknowledged"], found["total"]["pending"]) == (
        3,
        3,
        2,
    )
    assert (found["total"]["medianSeconds"], found["total"]["p90Seconds"]) == (taken[1], taken[2])
    bars = [(1, 3), (24, 0), (72, 0), (168, 0), (336, 0), (720, 0), (None, 0)]
    assert [
        (bar["upToHours"], bar["acknowledgements"]) for bar in found["total"]["histogram"]
    ] == bars
    of_other = {"acknowledged": 0, "pending": 1, "medianSeconds": None, "p90Seconds": None}
    by_case_type = {row["caseType"]["id"]: row["time"] for row in found["byCaseType"]}
    assert by_case_type[world.case_type] | {"pending": 2} == found["total"]
    assert by_case_type[world.case_type]["pending"] == 1
    assert {name: by_case_type[other][name] for name in of_other} == of_other
    assert (only_first["publications"], only_first["total"]["acknowledged"]) == (1, 2)
    assert [row["caseType"]["id"] for row in one["byCaseType"]] == [other]
    assert third > second
    [row] = in_group["byClinicGroup"]
    assert (row["clinicGroup"]["id"], row["time"]["acknowledged"], row["time"]["pending"]) == (
        group,
        2,
        0,
    )
    assert (own["total"]["acknowledged"], own["total"]["pending"]) == (1, 2)


async def test_a_period_that_is_none_and_too_many_publications_are_refused(world: World) -> None:
    query = (
        "query($from: DateTime!, $to: DateTime) { reports { acknowledgementTimes(from: $from, to:"
        " $to) { publications } } }"
    )
    edits = (
        "query($from: DateTime!, $to: DateTime) { reports { editsPerMonth(from: $from, to: $to) {"
        " versions } } }"
    )
    for number in range(1, 202):
        await world.edit(world.case_type, number, publish=True, introduction=f"Text {number}.")
    start = "2026-01-01T00:00:00Z"

    assert await world.region.refused(query, **{"from": start}) == ["TOO_MANY"]
    for asked in (query, edits):
        told = [
            (await world.region.post(asked, **{"from": "2990-01-01T00:00:00Z"} | end)).json()[
                "errors"
            ][0]
            for end in ({}, {"to": start})
        ]
        assert [(error["extensions"]["code"], error["extensions"]["path"]) for error in told] == [
            ("OUT_OF_RANGE", ["from"]),
            ("OUT_OF_RANGE", ["to"]),
        ]
        assert await world.region.refused(asked, **{"from": start, "to": start}) == ["OUT_OF_RANGE"]
        assert await world.region.refused(
            asked, **{"from": "2016-01-01T00:00:00Z", "to": start}
        ) == ["OUT_OF_RANGE"]


# ------------------------------------------------------------------ edits

EDITS = "{ principal { hsaId } month versions }"


async def test_edits_are_counted_per_principal_and_month_in_swedish_time(world: World) -> None:
    versions = world.api.store.database["versions"]
    for number, moment in enumerate(
        (
            "2025-12-31T22:59:59.999Z",
            "2025-12-31T23:00:00Z",
            "2026-06-30T21:59:59.999Z",
            "2026-06-30T22:00:00Z",
        ),
        1,
    ):
        await world.edit(world.case_type, number, introduction=f"Text {number}.")
        # Written now, dated then: no clock of the registry can be turned back.
        await versions.update_one(
            {"document": world.case_type, "number": number + 1},
            {"$set": {"created_at": datetime.fromisoformat(moment)}},
        )
    period: Json = {"from": "2025-12-31T22:59:59.999Z", "to": "2026-06-30T22:00:00Z"}
    everything: Json = {"from": "2025-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}

    inside = await report(world.region, f"editsPerMonth(from: $from, to: $to) {EDITS}", period)
    whole = await report(world.reporter, f"editsPerMonth(from: $from, to: $to) {EDITS}", everything)
    now = await report(
        world.region,
        f"editsPerMonth(from: $from) {EDITS}",
        {"from": (datetime.now(UTC) - timedelta(days=1)).isoformat()},
    )

    stockholm = {"principal": {"hsaId": STOCKHOLM}}
    told = [("2026-06", 1), ("2026-01", 1), ("2025-12", 1)]
    assert inside == [{**stockholm, "month": month, "versions": number} for month, number in told]
    assert whole == [{**stockholm, "month": "2026-07", "versions": 1}, *inside]
    assert sum(row["versions"] for row in now) == 1


# ------------------------------------------------------------------ templates, adaptations, duplicates

PER_TEMPLATE = (
    "{ totalCount edges { node { template { id } documents principals behind byVersion { version"
    " documents } } } }"
)


async def test_what_is_made_from_each_template_is_counted_by_its_version(world: World) -> None:
    draft = {"owner": STOCKHOLM, "content": CONTENT, "fromTemplate": {"id": world.template}}
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"name": "Ny"},
        publish=True,
    )
    await world.region.done("caseTypeCreate", "caseType { id }", **draft)
    made = await world.other_region.done(
        "caseTypeCreate", "caseType { id }", **draft | {"owner": UPPSALA}
    )
    await world.other_region.done(
        "documentPublish", "event { id }", id=made["caseType"]["id"], version=1, expectedVersion=1
    )
    unused = await world.national.done(
        "caseTypeTemplateCreate",
        "caseTypeTemplate { id }",
        owner=INERA,
        content=CONTENT | {"name": "Öppen"},
    )

    asked = f"documentsPerTemplate {PER_TEMPLATE}"
    region, nation, reporter, staff = [
        await report(caller, asked)
        for caller in (world.region, world.national, world.reporter, world.staff)
    ]
    uppsala = await report(world.national, asked, principal=UPPSALA)

    both = [{"version": 1, "documents": 1}, {"version": 2, "documents": 1}]
    row = {"template": {"id": world.template}}
    none = {
        "template": {"id": unused["caseTypeTemplate"]["id"]},
        "documents": 0,
        "principals": 0,
        "behind": 0,
        "byVersion": [],
    }
    assert nodes(region) == [
        {**row, "documents": 2, "principals": 1, "behind": 1, "byVersion": both}
    ]
    assert nodes(nation) == [
        {**row, "documents": 2, "principals": 2, "behind": 1, "byVersion": both},
        none,
    ]
    assert nation["totalCount"] == 2
    assert (
        nodes(reporter)
        == nodes(staff)
        == [{**row, "documents": 1, "principals": 1, "behind": 1, "byVersion": both[:1]}]
    )
    assert nodes(uppsala)[0] == {
        **row,
        "documents": 1,
        "principals": 1,
        "behind": 0,
        "byVersion": both[1:],
    }


PER_ADAPTED = """{ totalCount edges { node {
    caseType { id } clinics standardReplies terms clinicsWithStandardReplies clinicsWithTerms needReview } } }"""


async def test_adaptations_are_counted_per_case_type_and_nobody_sees_those_of_other_clinics(
    world: World,
) -> None:
    other = await published(world, "Boka tid")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await world.distribute(other, BJORKEN)
    replies = [
        {"key": "egen", "label": "Egen", "text": "Hej"},
        {"key": "till", "label": "Till", "text": "Hej"},
    ]
    terms = [{"key": "eget", "heading": "Eget", "text": "Så här."}]
    for clinic, case_type in (
        (BJORKEN, world.case_type),
        (LINDEN, world.case_type),
        (BJORKEN, other),
    ):
        given = {
            "clinic": clinic,
            "caseType": case_type,
            "expectedVersion": 0,
            "standardReplies": replies,
            "terms": terms,
        }
        await world.region.done("localAdaptationSave", "event { id }", **given)
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    reviewed = {
        "clinic": LINDEN,
        "caseType": world.case_type,
        "expectedVersion": 1,
        "standardReplies": replies[:1],
        "terms": [],
    }
    await world.region.done("localAdaptationSave", "event { id }", **reviewed)

    asked = f"adaptationsPerCaseType {PER_ADAPTED}"
    found = {
        name: await report(getattr(world, name), asked)
        for name in ("region", "reporter", "clinic_admin", "staff", "national", "other_region")
    }
    at_linden = await report(linden(world), asked)
    of_linden = await report(world.region, asked, clinics={"text": "linden"})

    row = {
        "caseType": {"id": world.case_type},
        "clinics": 2,
        "standardReplies": 3,
        "terms": 1,
        "needReview": 1,
    }
    row |= {"clinicsWithStandardReplies": 2, "clinicsWithTerms": 1}
    one = {**row, "clinics": 1, "clinicsWithStandardReplies": 1}
    of_other = {**one, "caseType": {"id": other}, "standardReplies": 2, "needReview": 0}
    lindens = {**one, "standardReplies": 1, "terms": 0, "clinicsWithTerms": 0, "needReview": 0}
    bjorkens = sorted(
        [{**one, "standardReplies": 2}, of_other], key=lambda one: str(one["caseType"])
    )
    assert nodes(found["region"]) == nodes(found["reporter"]) == [row, of_other]
    assert nodes(found["clinic_admin"]) == nodes(found["staff"]) == bjorkens
    assert nodes(at_linden) == nodes(of_linden) == [lindens]
    assert nodes(found["national"]) == nodes(found["other_region"]) == []


PER_TEXT = (
    "{ totalCount pageInfo { hasNextPage endCursor } edges { node { document { id } path label"
    " documents outOf clinics principals } } }"
)


def per_text(connection: Json) -> list[tuple[str, str, int, int, int, int]]:
    return [
        (
            row["document"]["id"],
            row["path"],
            *(row[name] for name in ("documents", "outOf", "clinics", "principals")),
        )
        for row in nodes(connection)
    ]


async def adapt(
    world: World, clinic: str, case_type: str, replies: str, terms: str = "", expected: int = 0
) -> None:
    """A clinic's adaptation, with a reply and a section for each letter."""
    given = {
        "standardReplies": [{"key": key, "label": f"Svar {key}", "text": "Hej"} for key in replies],
        "terms": [{"key": key, "heading": f"Del {key}", "text": "Så här."} for key in terms],
    }
    await world.region.done(
        "localAdaptationSave",
        "event { id }",
        clinic=clinic,
        caseType=case_type,
        expectedVersion=expected,
        **given,
    )


async def test_the_texts_that_clinics_add_are_counted_one_by_one(world: World) -> None:
    other = await published(world, "Boka tid")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await world.distribute(other, BJORKEN)
    await adapt(world, BJORKEN, world.case_type, "ab", "a")
    await adapt(world, LINDEN, world.case_type, "b", "a")
    await adapt(world, LINDEN, world.case_type, "bc", expected=1)
    await adapt(world, BJORKEN, other, "b")

    asked = f"adaptationsPerText {PER_TEXT}"
    found = {
        name: await report(getattr(world, name), asked)
        for name in ("region", "reporter", "reviewer", "clinic_admin", "national", "other_region")
    }
    of_other = await report(
        world.region, f"adaptationsPerText(document: $one) {PER_TEXT}", one=other
    )
    of_linden = await report(world.region, asked, clinics={"text": "linden"})

    mine = world.case_type
    once = [
        (mine, "standardReplies[a]", 1, 2, 1, 1),
        (mine, "standardReplies[c]", 1, 2, 1, 1),
        (mine, "terms[a]", 1, 2, 1, 1),
    ]
    whole = [
        (mine, "standardReplies[b]", 2, 2, 2, 1),
        *sorted([*once, (other, "standardReplies[b]", 1, 1, 1, 1)]),
    ]
    assert (
        per_text(found["region"])
        == per_text(found["reporter"])
        == per_text(found["reviewer"])
        == whole
    )
    assert found["region"]["totalCount"] == 5
    labels = {row["path"]: row["label"] for row in nodes(found["region"])}
    assert (labels["standardReplies[a]"], labels["terms[a]"]) == (
        "Standardsvar › ”Svar a”",
        "Villkor › ”Del a”",
    )
    at_bjorken = [
        (mine, path, 1, 1, 1, 1)
        for path in ("standardReplies[a]", "standardReplies[b]", "terms[a]")
    ]
    assert per_text(found["clinic_admin"]) == sorted(
        [*at_bjorken, (other, "standardReplies[b]", 1, 1, 1, 1)]
    )
    assert per_text(of_linden) == [
        (mine, path, 1, 1, 1, 1) for path in ("standardReplies[b]", "standardReplies[c]")
    ]
    assert per_text(of_other) == [(other, "standardReplies[b]", 1, 1, 1, 1)]
    assert per_text(found["national"]) == per_text(found["other_region"]) == []


async def test_the_texts_in_which_documents_differ_from_their_template_are_counted_one_by_one(
    world: World,
) -> None:
    """An item that is left out or added is one place; the internal name, the order and what is
    archived don't count.
    """
    template, owners = (
        {"fromTemplate": {"id": world.template}},
        {
            "a": BJORKEN,
            "b": LINDEN,
            "c": STOCKHOLM,
        },
    )
    first, second, third = CONTENT["questions"]
    changed: dict[str, Json] = {
        "a": {
            "introduction": "Eget.",
            "internalName": "Annat",
            "questions": [second, third, {**first, "label": "Vilken medicin?"}],
        },
        "b": {
            "introduction": "Annat.",
            "terms": [*CONTENT["terms"], {"key": "eget", "heading": "Eget", "text": "Så."}],
        },
        "c": {"questions": [second, third]},
    }
    made = {}
    for name, content in changed.items():
        done = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=owners[name],
            content=CONTENT | content,
            **template,
        )
        made[name] = done["caseType"]["id"]
    gone = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=LINDEN,
        content=CONTENT | {"name": "Borta"},
        **template,
    )
    await world.region.done(
        "documentArchive", "event { id }", id=gone["caseType"]["id"], expectedVersion=1
    )
    theirs = await world.other_region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=UPPSALA,
        content=CONTENT | {"introduction": "Uppsalas."},
        **template,
    )
    await world.other_region.done(
        "documentPublish", "event { id }", id=theirs["caseType"]["id"], version=1, expectedVersion=1
    )

    asked = f"adaptationsPerText {PER_TEXT}"
    callers = {
        name: getattr(world, name)
        for name in ("region", "other_region", "national", "reporter", "staff", "clinic_admin")
    }
    found = {name: await report(caller, asked) for name, caller in callers.items()}
    draft = await world.edit(world.case_type, 1, name="Utkast")
    drafted = {
        name: per_text(await report(callers[name], asked)) for name in ("region", "reporter")
    }
    at_linden = await report(world.region, asked, clinics={"text": "linden"})

    def row(
        path: str, documents: int, out_of: int, clinics: int = 0, principals: int = 1
    ) -> tuple[str, str, int, int, int, int]:
        return world.template, path, documents, out_of, clinics, principals

    questions = [
        row("questions[medicin]", 1, 4),
        row("questions[medicin].label", 1, 4, 1),
        row("terms[eget]", 1, 4, 1),
    ]
    whole = [row("introduction", 2, 4, 2), *questions]
    assert per_text(found["region"]) == whole
    assert {one["path"]: one["label"] for one in nodes(found["region"])} == {
        "introduction": "Introduktion",
        "questions[medicin]": "Frågor › ”Vilket läkemedel gäller det?”",
        "questions[medicin].label": "Frågor › ”Vilket läkemedel gäller det?” › Etikett",
        "terms[eget]": "Villkor › ”Eget”",
    }
    assert per_text(found["other_region"]) == [row("introduction", 1, 1)]
    assert per_text(found["national"]) == [row("introduction", 1, 2)]
    assert per_text(found["reporter"]) == per_text(found["staff"]) == []
    assert per_text(found["clinic_admin"]) == [
        row("introduction", 1, 2, 1),
        row("questions[medicin].label", 1, 2, 1),
    ]
    assert draft["version"]["number"] == 2
    assert drafted == {"region": [whole[0], row("name", 1, 4), *questions], "reporter": []}
    assert per_text(at_linden) == [row("introduction", 1, 1, 1), row("terms[eget]", 1, 1, 1)]


async def test_adapted_texts_are_paged_and_those_of_what_nobody_may_know_are_not_found(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await adapt(world, BJORKEN, world.case_type, "abc")
    hidden = await world.draft()
    found, after = [], None

    for _ in range(3):
        place = f'first: 1, after: "{after}"' if after else "first: 1"
        page = await report(world.region, f"adaptationsPerText({place}) {PER_TEXT}")
        after = page["pageInfo"]["endCursor"]
        found += [row["path"] for row in nodes(page)]

    assert (found, page["pageInfo"]["hasNextPage"]) == (
        [f"standardReplies[{key}]" for key in "abc"],
        False,
    )
    query = "query($id: ID!) { reports { adaptationsPerText(document: $id) { totalCount } } }"
    for caller, document in (
        (world.staff, hidden),
        (world.other_region, world.case_type),
        (world.region, "tpl_none"),
    ):
        assert await caller.refused(query, id=document) == ["NOT_FOUND"]


async def test_more_documents_than_can_be_compared_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query($id: ID) { reports { adaptationsPerText(document: $id) { totalCount } } }"
    monkeypatch.setattr("resolvers.reports.authoring.MAX_DOCUMENTS", 0)

    assert await world.region.refused(query) == ["TOO_MANY"]
    assert (await world.region.ask(query, id=world.case_type))["reports"]["adaptationsPerText"][
        "totalCount"
    ] == 0


PER_DUPLICATE = """{ totalCount edges { node { caseType { id } clinics sameName
    local { totalCount edges { node { similarity clinic { hsaId } caseType { id } } } } } } }"""


async def test_local_duplicates_are_those_that_the_check_before_a_distribution_tells(
    world: World,
) -> None:
    other = await published(world, "Boka tid")
    same, alike, elsewhere = (
        await local(world, "Förnya recept"),
        await local(world, "Förnya receptet", LINDEN),
        await local(world, "Intyg"),
    )
    gone = await local(world, "Förnya recept", LINDEN)
    await world.region.done("documentArchive", "event { id }", id=gone, expectedVersion=1)
    check = """query($id: ID!) { checkDistribution(caseType: $id, to: { filter: {} }) {
        localCandidates { similarity clinic { hsaId } caseType { id } } } }"""

    found = nodes(await report(world.region, f"duplicatesPerCaseType {PER_DUPLICATE}"))
    checked = (await world.region.ask(check, id=world.case_type))["checkDistribution"][
        "localCandidates"
    ]
    national = nodes(await report(world.national, f"duplicatesPerCaseType {PER_DUPLICATE}"))
    own = nodes(await report(linden(world), f"duplicatesPerCaseType {PER_DUPLICATE}"))

    none = {"clinics": 0, "sameName": 0, "local": {"totalCount": 0, "edges": []}}
    assert [row["caseType"]["id"] for row in found] == [other, world.case_type]
    assert found[0] == {"caseType": {"id": other}, **none}
    assert (found[1]["clinics"], found[1]["sameName"], found[1]["local"]["totalCount"]) == (2, 1, 2)
    assert nodes(found[1]["local"]) == checked
    assert [row["caseType"]["id"] for row in checked] == [same, alike]
    assert elsewhere not in [row["caseType"]["id"] for row in checked]
    assert national == [{"caseType": {"id": one}, **none} for one in (other, world.case_type)]
    assert [row["caseType"]["id"] for row in nodes(own[1]["local"])] == [alike]


# ------------------------------------------------------------------ rights

COUNTS = """{ perClinic: caseTypesPerClinic { totalCount } perCaseType: clinicsPerCaseType { edges { node { clinics } } }
    behind: clinicsBehind { totalCount } adapted: adaptationsPerCaseType { totalCount } duplicates: duplicatesPerCaseType { totalCount }
    templates: documentsPerTemplate { totalCount } }"""


async def test_everyone_gets_counts_of_what_they_read(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    callers = {
        "stranger": world.api.caller(Role.CLINIC_STAFF, "SE2321000016-9Z99"),
        **{
            name: getattr(world, name)
            for name in (
                "staff",
                "clinic_admin",
                "region",
                "other_region",
                "national",
                "reviewer",
                "reporter",
            )
        },
    }

    found = {}
    for name, caller in callers.items():
        counts = (await caller.ask(f"{{ reports {COUNTS} }}"))["reports"]
        rows = [row["clinics"] for row in nodes(counts["perCaseType"])]
        found[name] = (
            counts["perClinic"]["totalCount"],
            rows,
            counts["behind"]["totalCount"],
            counts["duplicates"]["totalCount"],
        )

    at_clinic, whole = (1, [1], 1, 1), (5, [2], 2, 1)
    assert found == {
        "stranger": (0, [], 0, 0),
        "staff": at_clinic,
        "clinic_admin": at_clinic,
        "region": whole,
        "other_region": (1, [], 0, 0),
        "national": (6, [2], 2, 1),
        "reviewer": whole,
        "reporter": whole,
    }


async def test_logs_and_inboxes_are_reported_to_who_reads_them(world: World) -> None:
    start = "2026-01-01T00:00:00Z"
    edits = (
        "query($principal: HsaId) { reports(principal: $principal) { editsPerMonth(from:"
        f' "{start}") {{ principal {{ hsaId }} }} }} }}'
    )
    times = (
        "query($principal: HsaId) { reports(principal: $principal) { acknowledgementTimes(from:"
        f' "{start}") {{ publications }} }} }}'
    )
    denied = ["NOT_PERMITTED"]

    for caller in (world.region, world.reviewer, world.reporter):
        assert (await caller.ask(edits))["reports"]["editsPerMonth"] == [
            {"principal": {"hsaId": STOCKHOLM}}
        ]
        assert (await caller.ask(times))["reports"]["acknowledgementTimes"] == {"publications": 1}
        assert (
            await caller.refused(edits, principal=UPPSALA)
            == await caller.refused(times, principal=UPPSALA)
            == denied
        )
    assert (await world.national.ask(edits))["reports"]["editsPerMonth"] == [
        {"principal": {"hsaId": INERA}}
    ]
    assert (
        await world.national.refused(edits, principal=STOCKHOLM)
        == await world.national.refused(times, principal=STOCKHOLM)
        == denied
    )
    assert await world.staff.refused(edits) == await world.clinic_admin.refused(edits) == denied
    assert (await world.staff.ask(times))["reports"]["acknowledgementTimes"] == {"publications": 1}
    assert await world.api.nobody().refused(edits) == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------ the list behind them

LIST = """query($filter: AssignmentFilter, $asOf: DateTime, $orderBy: AssignmentOrder, $first: Int, $after: String) {
    assignments(filter: $filter, asOf: $asOf, orderBy: $orderBy, first: $first, after: $after) {
        totalCount pageInfo { endCursor hasNextPage } edges { node { clinic { hsaId } caseType { id } since } } } }"""


async def listed(
    caller: Caller,
    *,
    orderBy: str | None = None,  # noqa: N803 - named as in the API
    asOf: str | None = None,  # noqa: N803 - named as in the API
    **filter: Any,
) -> list[tuple[str, str]]:
    found = (await caller.ask(LIST, filter=filter, orderBy=orderBy, asOf=asOf))["assignments"]
    rows = [(row["clinic"]["hsaId"], row["caseType"]["id"]) for row in nodes(found)]
    assert found["totalCount"] == len(rows)
    return rows


async def test_assignments_are_filtered_by_what_reporters_ask(world: World) -> None:
    other = await published(world, "Boka tid")
    own = await local(world, "Egen")
    await world.distribute(other, LINDEN)
    handed = await at_of(world, await distributed(world, world.case_type, BJORKEN, LINDEN))
    await acknowledged(world.staff, BJORKEN)
    await world.region.done("documentDeactivate", "event { id }", id=other, expectedVersion=1)
    everything = sorted(
        [(BJORKEN, own), (BJORKEN, world.case_type), (LINDEN, other), (LINDEN, world.case_type)]
    )

    assert (
        await listed(world.region) == await listed(world.region, principal=STOCKHOLM) == everything
    )
    assert (
        await listed(world.region, principal=UPPSALA)
        == await listed(world.region, principal=UPPSALA, clinic=BJORKEN)
        == []
    )
    assert await listed(world.national, principal=STOCKHOLM, asOf=handed) == [
        row for row in everything if row[1] != own
    ]
    assert await listed(world.region, scope="LOCAL") == [(BJORKEN, own)]
    assert await listed(world.region, scope="CENTRAL") == [
        row for row in everything if row[1] != own
    ]
    assert await listed(world.national, scope="LOCAL") == []
    assert await listed(world.region, state=["INACTIVE"]) == [(LINDEN, other)]
    assert await listed(world.region, state=["ACTIVE"]) == [
        row for row in everything if row[1] != other
    ]
    assert await listed(world.region, state=["ACTIVE", "INACTIVE", "DRAFT"]) == everything
    assert await listed(world.region, state=["ARCHIVED"]) == []
    assert await listed(world.region, businessClassifications=["1504"]) == [
        row for row in everything if row[0] == BJORKEN
    ]
    assert await listed(world.region, businessClassifications=["1504"], clinic=LINDEN) == []
    assert await listed(world.region, caseType=world.case_type, acknowledgedVersion=1) == [
        (BJORKEN, world.case_type)
    ]
    assert await listed(world.region, since=handed) == [
        (BJORKEN, world.case_type),
        (LINDEN, world.case_type),
    ]
    assert await listed(world.region, until=handed) == [
        row for row in everything if row[1] != world.case_type
    ]


@pytest.mark.parametrize("order", ["SINCE_ASC", "SINCE_DESC"])
async def test_assignments_are_paged_in_the_order_of_time(world: World, order: str) -> None:
    other = await published(world, "Boka tid")
    await world.distribute(other, LINDEN)
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    whole, after = [], None

    while True:
        page = (await world.region.ask(LIST, orderBy=order, first=1, after=after))["assignments"]
        [row] = nodes(page)
        whole.append((row["since"], row["clinic"]["hsaId"]))
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert len(set(whole)) == 3
    assert [since for since, _ in whole] == sorted(
        (since for since, _ in whole), reverse=order == "SINCE_DESC"
    )
    assert (whole[0] if order == "SINCE_ASC" else whole[-1])[1] == LINDEN


async def test_what_a_list_of_assignments_does_not_know_is_refused_by_code(world: World) -> None:
    past = "2026-01-01T00:00:00Z"

    for asked in (
        {"behindOnly": True},
        {"acknowledgedVersion": 1, "caseType": world.case_type},
        {"state": ["ACTIVE"]},
    ):
        assert await world.region.refused(LIST, filter=asked, asOf=past) == ["NOT_WITH_AS_OF"]
    assert await world.region.refused(LIST, filter={"acknowledgedVersion": 1}) == [
        "WHICH_CASE_TYPE"
    ]
    assert (
        await world.national.refused(LIST, orderBy="SINCE_ASC")
        == await world.national.refused(LIST, asOf=past)
        == ["WHOSE_LOG"]
    )
    assert await world.region.refused(LIST, filter={"principal": "SE2321009999"}) == ["NOT_FOUND"]
    assert (
        await listed(world.other_region, clinic=BJORKEN)
        == await listed(world.region, clinic=UPPSALA_CLINIC)
        == []
    )
