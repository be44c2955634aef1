"""Exports templates to files, and imports them."""

import json
from typing import Any

from tests.callers import UPPSALA, Caller
from tests.test_docs import DOCS

SCHEMA = json.loads((DOCS / "formats" / "template-file.schema.json").read_text(encoding="utf-8"))
EXPORT = (
    "query($id: ID!) { templateExport(id: $id) { template { id } versions hash fileName file } }"
)
IMPORT_SELECTION = """outcome origin { document version hash principal }
    caseTypeTemplate {
        id state latestVersion publishedVersion level name verify { intact versions } }
    version { number hash previousHash origin { document version hash principal }
        derivedFrom { template { id } version } content { introduction } }
    event { action document { id } version }"""


async def export_file(caller: Caller, template: str) -> dict[str, Any]:
    """The result of an export, with the file in it parsed as JSON."""
    found = (await caller.ask(EXPORT, id=template))["templateExport"]
    return {**found, "json": json.loads(found["file"])}


async def import_file(
    caller: Caller, file: Any, owner: str = UPPSALA, **more: Any
) -> dict[str, Any]:
    text = file if isinstance(file, str) else json.dumps(file)
    return await caller.do("templateImport", IMPORT_SELECTION, owner=owner, file=text, **more)
