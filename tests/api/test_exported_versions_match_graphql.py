"""Exports of versions and of adoption contain the rows that GraphQL returns to every caller."""

from store.records import OwnerKind
from tests.api.comparing_exports import ACTOR, VIEWERS, actor_of, long_history, nodes_or_code
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA
from tests.exporting import exported
from tests.kinds import SAMPLES
from tests.life import made, written
from tests.world import World

VERSION_COLUMNS = ("id", "createdAt", "note", "hash", "previousHash", "restoredFrom")
"""The columns that have the names and values of the fields in GraphQL."""
VERSION = f"""number {" ".join(VERSION_COLUMNS)} author {ACTOR}
    derivedFrom {{ template {{ id }} version }} content {{ name internalName }}"""
ANY_STATE = "state: [DRAFT, ACTIVE, INACTIVE, ARCHIVED]"
OWNER = "owner { ... on Principal { hsaId } ... on Clinic { hsaId principal { hsaId } } }"
DOCUMENTS = f"""query($after: String) {{ %s(filter: {{ {ANY_STATE} }}, first: 5, after: $after) {{
    pageInfo {{ hasNextPage endCursor }} edges {{ node {{ id {OWNER}
    versions(first: 100) {{ edges {{ node {{ {VERSION} }} }} }} }} }} }} }}"""


async def test_exported_versions_match_graphql(world: World) -> None:
    await long_history(world)

    for name in VIEWERS:
        caller = getattr(world, name)
        expected = []
        for kind in ("caseTypes", "caseTypeTemplates"):
            found = await nodes_or_code(caller, DOCUMENTS % kind, (kind,), {})
            assert isinstance(found, list)
            expected += [
                (document["id"], edge["node"])
                for document in found
                for edge in document["versions"]["edges"]
                if name == "national" or kind == "caseTypes"
            ]
        exported_rows = await exported(caller, "versions")

        assert sorted(
            (
                row["document"],
                row["number"],
                str({key: row[key] for key in VERSION_COLUMNS} | actor_of(row, "author")),
                str(
                    {"template": {"id": row["template"]}, "version": row["templateVersion"]}
                    if row["template"]
                    else None
                ),
                row["name"],
                row["internalName"],
            )
            for row in exported_rows
            if row["kind"] != "LOCAL_ADAPTATION"
        ) == sorted(
            (
                document,
                node["number"],
                str({key: node[key] for key in VERSION_COLUMNS} | node["author"]),
                str(node["derivedFrom"]),
                node["content"]["name"],
                node["content"]["internalName"],
            )
            for document, node in expected
        ), name


EVERY_KIND = f"""query($after: String) {{ %s(filter: {{ {ANY_STATE} }}, first: 20, after: $after) {{
    pageInfo {{ hasNextPage endCursor }} edges {{ node {{ __typename id {OWNER}
    versions(first: 100) {{ edges {{ node {{ id hash note content {{ name internalName }} }} }} }}
    }} }} }} }}"""


async def test_exported_versions_of_every_kind_match_graphql(world: World) -> None:
    """Drafts, published documents with a later draft, and documents of clinics.

    Of documents that everyone can read (guidance, notices), a file contains only those of its
    principals.
    """
    owners = (
        (world.region, STOCKHOLM),
        (world.other_region, UPPSALA),
        (world.national, INERA),
        (world.region, LINDEN),
        (world.region, BJORKEN),
    )
    for sample in SAMPLES.values():
        for caller, owner in owners:
            if owner in (STOCKHOLM, UPPSALA, INERA) or OwnerKind.CLINIC in sample.owners:
                document = await made(caller, sample, owner, publish=True)
                await written(caller, sample, document, 1, "Ett utkast.", note="Utkast")
                await made(caller, sample, owner, name="Bara utkast")

    for name, own in {
        **dict.fromkeys(VIEWERS, STOCKHOLM),
        "other_region": UPPSALA,
        "national": None,
    }.items():
        caller = getattr(world, name)
        expected = []
        for sample in SAMPLES.values():
            found = await nodes_or_code(caller, EVERY_KIND % sample.many, (sample.many,), {})
            assert isinstance(found, list)
            for document_node in found:
                principal = document_node["owner"].get("principal", document_node["owner"])["hsaId"]
                if own in (None, principal):
                    versions = [edge["node"] for edge in document_node["versions"]["edges"]]
                    expected += [
                        (
                            sample.name,
                            principal,
                            document_node["owner"]["hsaId"],
                            document_node["id"],
                            str(version),
                        )
                        for version in versions
                    ]
        exported_rows = await exported(caller, "versions")

        assert sorted(
            (
                row["kind"],
                row["principal"],
                row["owner"],
                row["document"],
                str(
                    {
                        **{key: row[key] for key in ("id", "hash", "note")},
                        "content": {key: row["content"][key] for key in ("name", "internalName")},
                    }
                ),
            )
            for row in exported_rows
        ) == sorted(expected), name
        kinds = {row["kind"] for row in exported_rows}
        assert kinds == ({sample.name for sample in SAMPLES.values()}), name


ADOPTION = """query($after: String) {
    caseTypes(filter: { scope: CENTRAL, state: [ACTIVE, INACTIVE, ARCHIVED] },
        first: 100, after: $after) {
    pageInfo { hasNextPage endCursor } edges { node { id name state publishedVersion
    adoption { unseen byVersion { version clinics since } } } } } }"""


async def test_exported_adoption_matches_graphql(world: World) -> None:
    await long_history(world)

    for name in VIEWERS:
        caller = getattr(world, name)
        expected = await nodes_or_code(caller, ADOPTION, ("caseTypes",), {})
        assert isinstance(expected, list)
        exported_rows = await exported(caller, "adoption")

        rows = [
            (
                row["caseType"],
                row["caseTypeName"],
                row["state"],
                row["publishedVersion"],
                row["version"],
                row["clinics"],
                row["behindSince"],
            )
            for row in exported_rows
        ]
        expected_rows = []
        for node in expected:
            head = (node["id"], node["name"], node["state"], node["publishedVersion"])
            expected_rows += [
                (*head, adopted["version"], adopted["clinics"], adopted["since"])
                for adopted in node["adoption"]["byVersion"]
            ]
            expected_rows.append((*head, None, node["adoption"]["unseen"], None))
        assert sorted(rows, key=str) == sorted(expected_rows, key=str), name
