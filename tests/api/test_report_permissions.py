"""Each caller gets reports within their own rights."""

from store.records import Role
from tests.api.reporting import nodes
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA
from tests.world import World

COUNTS = """{
    perClinic: caseTypesPerClinic { totalCount }
    perCaseType: clinicsPerCaseType { edges { node { clinics } } }
    behind: clinicsBehind { totalCount }
    adapted: adaptationsPerCaseType { totalCount }
    duplicates: duplicatesPerCaseType { totalCount }
    templates: documentsPerTemplate { totalCount } }"""


async def test_each_caller_gets_counts_of_what_they_can_read(world: World) -> None:
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


async def test_reports_on_logs_and_inboxes_need_permission_to_read_them(world: World) -> None:
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
