"""`clinicsImport`: all rows or none; bad cells with line and column; permissions, repeats."""

from tests.callers import BJORKEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, Json, problems
from tests.world import CLINICS, World

SAVED = (
    "created updated unchanged event { action principal { hsaId } clinics { edges { node { hsaId }"
    " } } }"
)
NEW = "SE2321000016-2B01"


async def test_new_and_changed_clinics_are_written_in_one_act(world: World) -> None:
    csv = (
        f"name;hsaId;publicName;businessClassification;countyCode\nBjörken;{BJORKEN};Björkens"
        f" vårdcentral;1502|1516;01\nNya;{NEW};;;\n"
    )

    saved = await world.region.done("clinicsImport", SAVED, principal=STOCKHOLM, csv=csv)

    assert saved == {
        "created": 1,
        "updated": 1,
        "unchanged": 0,
        "event": {
            "action": "IMPORTED",
            "principal": {"hsaId": STOCKHOLM},
            "clinics": {"edges": [{"node": {"hsaId": BJORKEN}}, {"node": {"hsaId": NEW}}]},
        },
        "errors": [],
    }
    clinic = await world.region.ask(
        f'{{ clinic(hsaId: "{BJORKEN}") {{ name publicName countyCode status'
        " businessClassifications { code } principal { hsaId } } }"
    )
    assert clinic["clinic"] == {
        "name": "Björken",
        "publicName": "Björkens vårdcentral",
        "countyCode": "01",
        "status": "ACTIVE",
        "businessClassifications": [{"code": "1502"}, {"code": "1516"}],
        "principal": {"hsaId": STOCKHOLM},
    }


async def test_importing_the_same_file_again_changes_nothing(world: World) -> None:
    before = await world.api.snapshot()

    saved = await world.region.done("clinicsImport", SAVED, principal=STOCKHOLM, csv=CLINICS)

    assert saved == {"created": 0, "updated": 0, "unchanged": 5, "event": None, "errors": []}
    assert await world.api.snapshot() == before


async def test_a_byte_order_mark_quotes_commas_and_lower_case_ids_are_accepted(
    world: World,
) -> None:
    csv = f'\ufeffhsaId,name,location\r\n{BJORKEN.lower()},"Björken, norra","Vägen 1"\r\n\r\n'

    saved = await world.region.done("clinicsImport", SAVED, principal=STOCKHOLM.lower(), csv=csv)

    assert (saved["created"], saved["updated"], saved["unchanged"]) == (0, 1, 0)
    clinic = await world.region.ask(
        f'{{ clinic(hsaId: "{BJORKEN}") {{ hsaId name location businessClassifications {{ code }}'
        " } }"
    )
    assert clinic["clinic"] == {
        "hsaId": BJORKEN,
        "name": "Björken, norra",
        "location": "Vägen 1",
        "businessClassifications": [{"code": "1502"}, {"code": "1504"}],
    }


async def test_a_dry_run_counts_rows_and_writes_nothing(world: World) -> None:
    before = await world.api.snapshot()

    saved = await world.region.done(
        "clinicsImport",
        SAVED,
        principal=STOCKHOLM,
        csv=f"hsaId,name\n{NEW},Nya\n{BJORKEN},Björken\n",
        dryRun=True,
    )

    assert saved == {"created": 1, "updated": 1, "unchanged": 0, "event": None, "errors": []}
    assert await world.api.snapshot() == before


async def test_every_bad_cell_is_reported_with_its_line_and_column(world: World) -> None:
    before = await world.api.snapshot()
    csv = (
        "hsaId;name;countyCode;endDate;status\n"
        f"{NEW};Rätt;01;;\n"
        "inget id;;1;i går;KANSKE\n"
        f"{NEW.lower()};Igen;01;;\n"
        "SE2321000016-2B02;För kort\n"
        f"{UPPSALA_CLINIC};{'N' * 501};03;;\n"
    )

    refused = await world.region.do(
        "clinicsImport",
        f"{SAVED} errors {{ ... on RefusedRowError {{ row value }} }}",
        principal=STOCKHOLM,
        csv=csv,
    )

    assert [
        (error["row"], error["code"], ".".join(error["path"]), error["value"])
        for error in refused.pop("errors")
    ] == [
        (3, "MALFORMED", "csv.hsaId", "inget id"),
        (3, "BLANK", "csv.name", ""),
        (3, "BAD_CODE", "csv.countyCode", "1"),
        (3, "BAD_DATE", "csv.endDate", "i går"),
        (3, "UNKNOWN_VALUE", "csv.status", "KANSKE"),
        (4, "DUPLICATE", "csv.hsaId", NEW.lower()),
        (5, "WRONG_LENGTH", "csv", ""),
        (6, "BAD_TEXT", "csv.name", "N" * 500),
    ]
    assert refused == {"created": None, "updated": None, "unchanged": None, "event": None}
    assert await world.api.snapshot() == before


async def test_a_clinic_of_another_principal_is_refused_with_its_row(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "clinicsImport",
        f"{SAVED} errors {{ ... on RefusedRowError {{ row value }} }}",
        principal=STOCKHOLM,
        csv=f"hsaId,name\n{NEW},Nya\n{UPPSALA_CLINIC},Tagen\n",
    )

    assert problems(refused) == [("OUTSIDE_PRINCIPAL", "csv.hsaId")]
    assert (refused["errors"][0]["row"], refused["errors"][0]["value"]) == (3, UPPSALA_CLINIC)
    assert await world.api.snapshot() == before


async def test_a_wrong_header_or_file_is_refused(world: World) -> None:
    before = await world.api.snapshot()
    files = {
        "": ["MISSING_COLUMN"],
        "hsaId\n": ["MISSING_COLUMN"],
        "hsaId,name,colour\n": ["UNKNOWN_COLUMN"],
        "hsaId,namn\n": ["UNKNOWN_COLUMN", "MISSING_COLUMN"],
        "hsaId,name,name\n": ["DUPLICATE_COLUMN"],
        f'hsaId,name\n{NEW},"Utan slut\n': ["MALFORMED"],
    }

    refused = {
        csv: problems(await world.region.do("clinicsImport", SAVED, principal=STOCKHOLM, csv=csv))
        for csv in files
    }

    assert refused == {csv: [(code, "csv") for code in codes] for csv, codes in files.items()}
    assert await world.api.snapshot() == before


async def test_other_callers_cannot_import_clinics_of_the_region(world: World) -> None:
    codes = await world.refusals(
        "clinicsImport", principal=STOCKHOLM, csv=f"hsaId,name\n{NEW},Nya\n"
    )
    elsewhere = await world.region.do(
        "clinicsImport", SAVED, principal=UPPSALA, csv=f"hsaId,name\n{NEW},Nya\n"
    )
    unknown = await world.region.do(
        "clinicsImport", SAVED, principal="SE2321009999", csv=f"hsaId,name\n{NEW},Nya\n"
    )

    assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {"nobody": "UNAUTHENTICATED"}
    assert problems(elsewhere) == [("NOT_PERMITTED", "principal")]
    assert problems(unknown) == [("NOT_FOUND", "principal")]


async def test_a_repeated_import_with_the_same_key_is_done_once(world: World) -> None:
    call: Json = {
        "principal": STOCKHOLM,
        "csv": f"hsaId,name\n{NEW},Nya\n",
        "idempotencyKey": "läs in",
    }
    first = await world.region.done("clinicsImport", SAVED, **call)
    before = await world.api.snapshot()

    again = await world.region.done("clinicsImport", SAVED, **call)
    other = await world.region.do(
        "clinicsImport", SAVED, **{**call, "csv": f"hsaId,name\n{NEW},Andra\n"}
    )

    assert (first["created"], first["event"]["action"]) == (1, "IMPORTED")
    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before
