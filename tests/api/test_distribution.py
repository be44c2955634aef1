"""Distribution: its check, refused rows, filters, and replaced local case types.

Each change is one act: all of it is written, or nothing.
"""

from tests.api.distributing import ALMEN, ASKEN, EKEN, PAYLOAD, assigned_at, clinics_of, local
from tests.callers import BJORKEN, LINDEN, UPPSALA_CLINIC, problems
from tests.world import World

CHECK = """
query($caseType: ID!, $to: ClinicSelection!) { checkDistribution(caseType: $caseType, to: $to) {
  willReceive { totalCount edges { node { hsaId } } } alreadyAssigned { edges { node { hsaId } } }
  refused { row value reason }
  localCandidates { similarity clinic { hsaId } caseType { id name } } } }
"""


async def test_the_check_reports_each_row_and_writes_nothing(world: World) -> None:
    await world.distribute(world.case_type, LINDEN)
    same, alike, other = [
        await local(world, name) for name in ("förnya RECEPT", "Recept: förnya", "Boka tid")
    ]
    before = await world.api.snapshot()
    rows = (
        BJORKEN,
        "",
        LINDEN.lower(),
        EKEN,
        ALMEN,
        ASKEN,
        UPPSALA_CLINIC,
        "SE2321000016-9Z99",
        "fel",
        BJORKEN,
    )
    csv = "\ufeffhsaId;kommentar\n" + "".join(
        f"{value};{'text' if value else ''}\n" for value in rows
    )

    check = (await world.region.ask(CHECK, caseType=world.case_type, to={"csv": csv}))[
        "checkDistribution"
    ]

    assert check["willReceive"] == {"totalCount": 1, "edges": [{"node": {"hsaId": BJORKEN}}]}
    assert check["alreadyAssigned"] == {"edges": [{"node": {"hsaId": LINDEN}}]}
    assert [(row["row"], row["value"], row["reason"]) for row in check["refused"]] == [
        (5, EKEN, "NOT_ACTIVATED"),
        (6, ALMEN, "ARCHIVED"),
        (7, ASKEN, "ENDED"),
        (8, UPPSALA_CLINIC, "OUTSIDE_PRINCIPAL"),
        (9, "SE2321000016-9Z99", "UNKNOWN"),
        (10, "fel", "MALFORMED"),
        (11, BJORKEN, "DUPLICATE"),
    ]
    assert [found["caseType"]["id"] for found in check["localCandidates"]] == [same, alike]
    assert check["localCandidates"][0]["similarity"] == 1
    assert other not in str(check)
    assert await world.api.snapshot() == before


async def test_refused_csv_rows_refuse_the_call_or_are_skipped(world: World) -> None:
    csv = f"{BJORKEN}\n{EKEN}\n"
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeDistribute",
        "errors { ... on RefusedRowError { row value } }",
        caseType=world.case_type,
        to={"csv": csv},
    )

    assert [
        (error["code"], error["path"], error["row"], error["value"]) for error in refused["errors"]
    ] == [("NOT_ACTIVATED", ["to", "csv"], 2, EKEN)]
    assert await world.api.snapshot() == before

    done = await world.region.done(
        "caseTypeDistribute", PAYLOAD, caseType=world.case_type, to={"csv": csv}, skipRefused=True
    )

    assert (done["clinics"], done["skipped"]) == (
        1,
        [{"row": 2, "value": EKEN, "reason": "NOT_ACTIVATED"}],
    )
    assert clinics_of(done["event"]) == [BJORKEN]


async def test_a_filter_distributes_to_the_active_clinics_that_match_now(world: World) -> None:
    to = {"filter": {"businessClassifications": ["1502"]}}

    done = await world.region.done("caseTypeDistribute", PAYLOAD, caseType=world.case_type, to=to)
    again = await world.region.done("caseTypeDistribute", PAYLOAD, caseType=world.case_type, to=to)

    assert clinics_of(done["event"]) == [BJORKEN, LINDEN]
    assert (again["clinics"], again["event"]) == (0, None)


async def test_local_case_types_are_replaced_in_the_same_act_and_can_be_restored(
    world: World,
) -> None:
    own = await local(world, "Förnya recept")

    done = await world.region.done(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"hsaIds": [BJORKEN]},
        replaceLocal=[own],
    )

    assert (done["clinics"], done["replaced"]) == (1, 1)
    assert await assigned_at(world) == [(world.case_type, "DISTRIBUTED")]
    history = await world.clinic_admin.ask(
        "query($id: ID!) { caseType(id: $id) { state history(first: 1) { edges { node { action"
        " sequence } } } } }",
        id=own,
    )
    assert history["caseType"] == {
        "state": "ARCHIVED",
        "history": {
            "edges": [{"node": {"action": "REPLACED", "sequence": done["event"]["sequence"] + 1}}]
        },
    }

    await world.clinic_admin.done(
        "documentRestore", "event { id }", id=own, version=1, expectedVersion=1, publish=True
    )

    assert sorted(await assigned_at(world)) == sorted(
        [(world.case_type, "DISTRIBUTED"), (own, "OWN")]
    )


async def test_replacing_a_case_type_that_is_not_local_there_writes_nothing(world: World) -> None:
    own = await local(world, "Förnya recept")
    central = await world.draft()
    before = await world.api.snapshot()

    elsewhere = await world.region.do(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"hsaIds": [LINDEN]},
        replaceLocal=[own, central],
    )
    twice = await world.region.do(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"hsaIds": [BJORKEN]},
        replaceLocal=[own, own],
    )

    assert problems(elsewhere) == [
        ("NOT_LOCAL_THERE", "replaceLocal.0"),
        ("NOT_LOCAL_THERE", "replaceLocal.1"),
    ]
    assert problems(twice) == [("ARCHIVED_ALREADY", "replaceLocal.1")]
    assert await world.api.snapshot() == before
