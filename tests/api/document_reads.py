"""Queries of documents, templates and searches whose plans are checked, each with its caller.

`test_query_plans` replaces `$document` and similar placeholders by values of its registry.
"""

from collections.abc import Mapping

from tests.kinds import SAMPLES

Case = tuple[str, str]
"""The caller and the operation; `$document` and similar names stand for values of the registry."""
HEAD = "id name state latestVersion publishedVersion updatedAt"
EVENTS = "edges { node { action at actor { name } document { id } } }"
DOCUMENT_READS: Mapping[str, Case] = {
    "a case type": (
        "staff",
        (
            f"{{ caseType(id: $document) {{ {HEAD} content {{ questions {{ key }} }} version {{"
            " author { name } } } }"
        ),
    ),
    "its versions and history": (
        "region",
        f"""{{ caseType(id: $document) {{
            versions(first: 2) {{ totalCount edges {{ node {{
                number author {{ name }} changes {{ path }} }} }} }}
            history(first: 2) {{ totalCount {EVENTS} }}
            versionAt(time: $now) {{ number }}
            compare(from: 1, to: 2) {{ changes {{ path }} }}
            two: version(number: 2) {{ derivedFrom {{ behind template {{ name }} }} }} }} }}""",
    ),
    "its versions and history, for staff": (
        "staff",
        (
            "{ caseType(id: $document) { versions { edges { node { number } } } history {"
            f" {EVENTS} }} }} }}"
        ),
    ),
    "its clinics": (
        "region",
        (
            "{ caseType(id: $document) { assignments(first: 5) { totalCount edges { node { clinic {"
            " name } since } } } } }"
        ),
    ),
    "its adoption": (
        "region",
        (
            "{ caseType(id: $document) { adoption { assigned acknowledged pending unseen byVersion"
            " { version clinics } } } }"
        ),
    ),
    "its blame": (
        "region",
        "{ caseType(id: $document) { blame { path author { name } version } } }",
    ),
    "its chain": ("region", "{ caseType(id: $document) { verify { intact versions } } }"),
    "case types by name": (
        "region",
        f"{{ caseTypes(first: 5) {{ totalCount edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types by change": (
        "region",
        f"{{ caseTypes(first: 5, orderBy: UPDATED_DESC) {{ edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types by change, for staff": (
        "staff",
        f"{{ caseTypes(first: 5, orderBy: UPDATED_DESC) {{ edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types for staff": (
        "staff",
        f"{{ caseTypes(first: 5) {{ edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types of a clinic": (
        "region",
        "{ caseTypes(first: 5, filter: { owner: $clinic }) { edges { node { id } } } }",
    ),
    "case types that changed": (
        "reporter",
        "{ caseTypes(filter: { changedSince: $then }, first: 5) { edges { node { id } } } }",
    ),
    "case types of a template": (
        "region",
        "{ caseTypes(filter: { derivedFrom: $template }, first: 5) { edges { node { id } } } }",
    ),
    "a template": (
        "national",
        (
            "{ caseTypeTemplate(id: $template) { name usage { templates caseTypes behind clinics"
            " byPrincipal { caseTypes } } } }"
        ),
    ),
    "a template's comparison": (
        "national",
        (
            "{ caseTypeTemplate(id: $template) { comparison { places(first: 5) { edges { node {"
            " path } } } } } }"
        ),
    ),
    "templates": ("region", "{ caseTypeTemplates(first: 5) { edges { node { name level } } } }"),
    "a search": (
        "staff",
        '{ search(text: "förnya recept", first: 5) { edges { node { name } } } }',
    ),
    "a search by prefix": (
        "region",
        '{ search(text: "läkem", first: 5) { edges { node { name } } } }',
    ),
    "an adoption check": (
        "region",
        "{ checkTemplateAdoption(id: $document) { conflicts { path } changes { path } } }",
    ),
    "templates to review": (
        "national",
        (
            "{ templateReview(first: 5) { edges { node { reasons drift { average } usage {"
            " caseTypes } } } } }"
        ),
    ),
    "a template's file": ("national", "{ templateExport(id: $template) { fileName } }"),
    "reports on case types": (
        "reporter",
        """{ reports {
            clinicsPerCaseType(first: 5) { edges { node { clinics adoption { pending } } } }
            adaptationsPerCaseType(first: 5) { edges { node { clinics needReview } } }
            duplicatesPerCaseType(first: 5) { edges { node { clinics sameName } } } } }""",
    ),
    "reports on templates": (
        "national",
        "{ reports { documentsPerTemplate(first: 5) { edges { node { documents behind } } } } }",
    ),
    "nodes by id": (
        "staff",
        "{ node(id: $document) { __typename id } nodes(ids: [$document, $template]) { id } }",
    ),
    **{
        f"a {sample.query}": ("region", f"{{ {sample.query}(id: ${sample.query}) {{ name }} }}")
        for sample in SAMPLES.values()
    },
    **{
        f"{sample.many}, {order}, for {caller}": (
            caller,
            (
                f"{{ {sample.many}(first: 5, orderBy: {order}) {{ totalCount edges {{ node {{ name"
                " } } } }"
            ),
        )
        for sample in SAMPLES.values()
        for order in ("NAME_ASC", "UPDATED_DESC")
        for caller in ("region", "staff")
    },
}
