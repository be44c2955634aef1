"""Hostile input: the texts of the data files, and texts that are too long for a file."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

from resolvers.exports.catalogue import EXPORTS

HERE = Path(__file__).parent
VIEWER = "{ viewer { roles } }"


def stored_texts(name: str) -> list[str]:
    """The texts of a data file."""
    texts: list[str] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return texts


def doubling(levels: int) -> str:
    """Fragments that each spread the next one twice."""
    spread = " ".join(
        f"fragment F{level} on Query{{...F{level + 1} ...F{level + 1}}}" for level in range(levels)
    )
    return f"{{...F0}} {spread} fragment F{levels} on Query{{viewer{{roles}}}}"


def documents() -> list[str]:
    """Hostile documents."""
    pages = "{caseTypes(first:100){edges{node{history(first:100){edges{node{id}}}}}}}"
    return [
        *stored_texts("documents"),
        doubling(22),
        doubling(90),
        "query($n:Int){...F0} "
        + " ".join(
            f"fragment F{i} on Query{{a{i}:caseTypes(first:$n){{totalCount}} ...F{i + 1}"
            f" ...F{i + 1}}}"
            for i in range(22)
        )
        + " fragment F22 on Query{viewer{roles}}",
        "{...F0} "
        + " ".join(
            f"fragment F{i} on Query{{...F{(i + 1) % 60} ...F{(i + 2) % 60}}}" for i in range(60)
        ),
        "{...F0} "
        + " ".join(f"fragment F{i} on Query{{...F{i + 1} ...F{i + 1}}}" for i in range(40)),
        pages,
        pages.replace("100", "99999"),
        "{" + "viewer{" * 3_000 + "roles" + "}" * 3_001,
        "{" + "viewer{" * 150 + "roles" + "}" * 151,
        "{" + "... {" * 150 + "viewer{roles}" + "}" * 151,
        "{" + "viewer{roles} " * 3_000 + "}",
        "{" + " ".join(f"a{i}:viewer{{roles}}" for i in range(2_000)) + "}",
        "{viewer{roles" + " @skip(if:false)" * 1_500 + "}}",
        "{" + " ".join(f"a{i}" for i in range(1_900)) + "}",
        " ".join(f"query A{i}{{viewer{{roles}}}}" for i in range(900)),
        "{viewer{roles}}"
        + " ".join(f"fragment F{i} on Query{{viewer{{roles}}}}" for i in range(900)),
        "query(" + " ".join(f"$v{i}:Int" for i in range(3_000)) + "){viewer{roles}}",
        " ".join(f"type A{i}{{a:Int}}" for i in range(1_500)),
        "{caseTypes(first:" + "9" * 5_000 + "){totalCount}}",
        "{caseTypes(first:1e" + "9" * 5_000 + "){totalCount}}",
        "{node(id:" + "9" * 5_000 + "){id}}",
        "{nodes(ids:" + "[" * 800 + "]" * 800 + "){id}}",
        "{nodes(ids:[" + '"ct_1",' * 4_000 + "]){id}}",
        "{caseTypes(filter:" + "{text:" * 150 + '"x"' + "}" * 150 + "){totalCount}}",
        "{caseTypes(filter:{" + "text:1 " * 3_000 + "}){totalCount}}",
        '{caseType(id:"' + "\\u0061" * 40_000 + '"){id}}',
        '{caseType(id:"""' + "\n" * 200_000 + '"""){id}}',
        "#" * 250_000 + f"\n{VIEWER}",
        "," * 250_000 + VIEWER,
        "x" * 300_000,
        "{" * 300_000,
    ]


def texts() -> list[str]:
    """Hostile values for an id, a cursor or a search text."""
    return [*stored_texts("texts"), "x" * 100_000]


OWNER = 'owner: "SE2321000016"'
SAVE = (
    'mutation($text: String!) { caseTypeCreate(input: { owner: "SE2321000016", note: $text,'
    " content: { name: $text, internalName: $text } })"
)
SINCE = 'from: "2026-01-01T00:00:00Z"'
ADOPT = '{ id: "ct_1", expectedVersion: 1, resolutions: { path: $text, take: OURS } }'
WORDS = (
    "{ name: $text, internalName: $text, form: INFORMATION, message: $text, links: [{ key: $text,"
    " label: $text, url: $text }] }"
)
FIELDS = (
    (
        "query($text: ID!) { caseType(id: $text) { id } node(id: $text) { id } nodes(ids: [$text])"
        " { id } }"
    ),
    (
        "query($text: HsaId!) { clinic(hsaId: $text) { name } principal(hsaId: $text) { name events"
        " { totalCount } } }"
    ),
    (
        "query($text: String) { caseTypes(filter: { text: $text }) { totalCount } clinics(filter: {"
        " text: $text }) { totalCount } }"
    ),
    "query($text: String) { caseTypes(after: $text) { totalCount edges { cursor } } }",
    f"{SAVE} {{ errors {{ code }} }} }}",
    (
        'mutation($text: String!) { clinicsImport(input: { principal: "SE2321000016", csv: $text })'
        " { errors { code } } }"
    ),
    (
        "mutation($text: ID!) { documentPublish(input: { id: $text, version: 1, expectedVersion: 1"
        " }) { errors { code } } }"
    ),
)
"""Documents with one variable, sent with each of the texts."""
MORE_FIELDS = (
    (
        "query($text: String!) { search(text: $text) { totalCount edges { hits { segments { text }"
        " } } } }"
    ),
    (
        'query($text: String!) { search(text: "a", after: $text) { totalCount }'
        " templateReview(after: $text) { totalCount } }"
    ),
    (
        "query($text: HsaId!) { reports(principal: $text) { clinicsBehind { totalCount } }"
        " templateReview(filter: { owner: $text }) { totalCount } }"
    ),
    (
        "query($text: String!) { reports(clinics: { text: $text }) { clinicsBehind(after: $text) {"
        " totalCount } } }"
    ),
    "query($text: String!) { clinics(filter: { text: $text }) { totalCount edges { cursor } } }",
    (
        'query($text: String!) { checkDistribution(caseType: "ct_1", to: { filter: { text: $text }'
        " }) { refused { row } } }"
    ),
    (
        "query($text: DateTime!) { reports { editsPerMonth(from: $text) { month }"
        " acknowledgementTimes(from: $text) { total { pending } } } }"
    ),
    (
        "query($text: ID!) { reports(clinics: { group: $text }) {"
        f" acknowledgementTimes({SINCE}, caseType: $text) {{ publications }} }} }}"
    ),
    (
        "query($text: ID!) { checkTemplateAdoption(id: $text) { toVersion } templateExport(id:"
        " $text) { hash } caseTypeTemplate(id: $text) { id } }"
    ),
    (
        "query($text: ID!) { residentCase(id: $text) { id } termsText(id: $text) { id }"
        " guidance(id: $text) { id } notice(id: $text) { id } }"
    ),
    (
        f"mutation($text: String!) {{ textReplace(input: {{ {OWNER}, find: $text, replace: $text,"
        " dryRun: true }) { errors { code } } }"
    ),
    (
        f'mutation($text: String!) {{ textReplace(input: {{ {OWNER}, find: "a", replace: $text,'
        " dryRun: true }) { errors { code } } }"
    ),
    "mutation($text: ID!) { textReplaceUndo(input: { batch: $text }) { errors { code } } }",
    (
        f"mutation($text: String!) {{ templateImport(input: {{ {OWNER}, file: $text }}) {{ errors"
        " { code } } }"
    ),
    f"mutation($text: String!) {{ documentAdoptTemplate(input: {ADOPT}) {{ errors {{ code }} }} }}",
    (
        f"mutation($text: String!) {{ residentCaseCreate(input: {{ {OWNER}, content: {WORDS} }}) {{"
        " errors { code } } }"
    ),
)
"""More documents with one variable, each sent with a third of the texts."""

TEMPLATE_FILES = (
    "null",
    "[]",
    "{}",
    '{"format": 1}',
    "[" * 5_000,
    '{"a":' * 5_000,
    '{"a": 1e999999}',
    '{"a": 1, "a": 2}',
)
"""Hostile template files."""


def request(query: str, **variables: object) -> bytes:
    """A request body in the form that clients send."""
    return json.dumps({"query": query, "variables": variables}).encode()


def bodies() -> list[bytes]:
    """Hostile request bodies, and well-formed bodies with hostile documents or variables."""
    with_query = f'"query": "{VIEWER}"'.encode()
    raw = [
        b"\xff\xfe{}",
        '{"query": "{ viewer { roles } }"}'.encode("utf-16"),
        '{"query": "å"}'.encode("latin-1"),
        b'{"query": "\xc0\x80"}',
        b'{"query": "\xed\xa0\x80"}',
        b"\x1f\x8b\x08\x00",
        base64.b64decode("AAECAwQFBgcICQ=="),
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"{" + with_query + b', "variables": ' + b'{"a":' * 70 + b"1" + b"}" * 71,
        b"{" + with_query + b', "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b"{" + with_query + b', "variables": {"a": 0.' + b"9" * 5_000 + b"}}",
        b"{" + with_query + b', "variables": {"a": 1e' + b"9" * 5_000 + b"}}",
        b"{"
        + with_query
        + b', "variables": {'
        + b",".join(b'"%d": 1' % number for number in range(50_000))
        + b"}}",
        b"{" + with_query + b', "variables": {"a": [' + b"[]," * 200_000 + b"1]}}",
        b"{" + with_query + b', "variables": {"a": "' + b"x" * 900_000 + b'"}}',
        b"{" + with_query + b"," + b" " * 900_000 + b'"variables": null}',
        b'{"query": "' + b"x" * 1_100_000 + b'"}',
        b'{"query": "' + b'[\\"' * 340_000,
    ]
    stored = [text.encode("utf-8", "surrogatepass") for text in stored_texts("bodies")]
    with_documents = [request(document) for document in documents()]
    with_variables = [request(query, text=text) for query in FIELDS for text in texts()]
    with_variables += [
        request(query, text=text)
        for index, query in enumerate(MORE_FIELDS)
        for text in texts()[index % 3 :: 3]
    ]
    with_variables += [
        request(query, text=file)
        for query in MORE_FIELDS
        if "file: $text" in query
        for file in TEMPLATE_FILES
    ]
    return [*raw, *stored, *with_documents, *with_variables]


def frames() -> list[str | bytes]:
    """Hostile websocket messages, each for a connection that was just acknowledged."""
    subscribed = [
        json.dumps({"type": "subscribe", "id": "1", "payload": {"query": document}})
        for document in documents()
    ]
    long = [
        "[" * 50_000,
        '{"type":' * 900,
        '{"type": "ping", "payload": ' + '{"a":' * 900 + "1" + "}" * 901,
        '{"type": "ping", "payload": {"a": ' + "9" * 5_000 + "}}",
        json.dumps({"type": "subscribe", "id": "x" * 100_000, "payload": {"query": VIEWER}}),
        json.dumps({"type": "x" * 100_000}),
    ]
    return list(
        dict.fromkeys(
            [*stored_texts("frames"), *long, b"", b"\x00", b'{"type": "ping"}', *subscribed]
        )
    )


def exports() -> list[str]:
    """Hostile export addresses, relative to `/exports/`."""
    malformed = [
        "",
        ".csv",
        "assignments",
        "assignments.",
        "ASSIGNMENTS.CSV",
        "assignments.csv.csv",
        "assignments.csv/",
        "assignments.csv%00",
        "%00.csv",
        "..%2f..%2fetc%2fpasswd",
        "../graphql",
        "%ff%fe.csv",
        "__class__.csv",
        "x" * 8_000 + ".csv",
        "events.ndjson?%ff=%fe",
        "events.ndjson?" + "a=1&" * 3_000,
        "events.ndjson?" + "action=PUBLISHED&" * 3_000,
        "events.ndjson?principal=&principal=",
        "events.ndjson?detail=2",
        "versions.xlsx?resume=x",
        "clinics.parquet?status=ACTIVE,,ACTIVE",
    ]
    with_values = [
        f"{name}.{('csv', 'ndjson', 'xlsx', 'parquet')[index % 4]}?{parameter}={quote(text[:500])}"
        for name, export in EXPORTS.items()
        for index, parameter in enumerate(export.parameters)
        for text in texts()[index % 6 :: 6]
    ]
    return [*malformed, *with_values]
