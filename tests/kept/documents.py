"""Creates the documents of a kept registry, over the API."""

from typing import Any

from tests.callers import BJORKEN, INERA, STOCKHOLM, UPPSALA, operation
from tests.kept.commands import Json, Server
from tests.kept.people import CENTRAL
from tests.kinds import Sample
from tests.world import CONTENT


class DocumentFilling:
    """Creates documents of every kind and state, and derived ones. Other fillings build on it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ids: dict[str, str] = {}

    def _do(
        self,
        caller: str,
        mutation: str,
        select: str = "event { id }",
        /,
        **input: Any,
    ) -> Json:
        answer = self._server.ask(caller, operation(mutation, select), {"input": input})
        payload: Json = answer[mutation]
        assert payload["errors"] == [], (mutation, payload["errors"])
        return payload

    def _published(self, caller: str, query: str, owner: str, content: Json, **more: Any) -> str:
        """Create and publish a document. Returns its id."""
        document = self._draft(caller, query, owner, content, **more)
        self._do(caller, "documentPublish", id=document, version=1, expectedVersion=1)
        return document

    def _draft(self, caller: str, query: str, owner: str, content: Json, **more: Any) -> str:
        arguments = {"owner": owner, "content": content, **more}
        done = self._do(caller, f"{query}Create", f"{query} {{ id }}", **arguments)
        document: str = done[query]["id"]
        return document

    def life_of(self, sample: Sample) -> None:
        """Create documents of one kind in every state, for each kind of owner."""
        national = sample.name.endswith("_TEMPLATE")
        caller, owner = ("national", INERA) if national else ("region", STOCKHOLM)
        self._principals_own(sample, caller, owner)
        if sample.shared != "NO":
            content = _named(sample, "nationell")
            shared = self._published("national", sample.query, INERA, content, note="Nationell")
            self._ids[f"national {sample.query}"] = shared
        if sample.shared == "CENTRAL":
            self._published("uppsala", sample.query, UPPSALA, _named(sample, "Uppsala"))
            self._draft("uppsala", sample.query, UPPSALA, _named(sample, "Uppsala, utkast"))
        if "CLINIC" in {str(kind) for kind in sample.owners}:
            self._published("local", sample.query, BJORKEN, _named(sample, "Björken"))
            self._draft("local", sample.query, BJORKEN, _named(sample, "Björken, utkast"))

    def _principals_own(self, sample: Sample, caller: str, owner: str) -> None:
        query = sample.query

        def save(document: str, expected: int, text: str, **more: Any) -> None:
            arguments = {"id": document, "expectedVersion": expected, "note": text, **more}
            self._do(caller, f"{query}Update", content=sample.with_text(text), **arguments)

        def act(mutation: str, document: str, expected: int, **more: Any) -> None:
            self._do(caller, mutation, id=document, expectedVersion=expected, **more)

        key = {"idempotencyKey": f"{query}-utkast", "note": "Första"}
        draft = self._draft(caller, query, owner, _named(sample, "utkast"), **key)
        assert self._draft(caller, query, owner, _named(sample, "utkast"), **key) == draft
        save(draft, 1, "Andra utkastet.")
        act("documentRestore", draft, 2, version=1, note="Tillbaka till det första")

        active = self._published(caller, query, owner, _named(sample, "i kraft"))
        save(active, 1, "Ny *text* i kraft.", publish=True)
        act("documentPublish", active, 2, version=1, note="Den äldre igen")
        act("documentDeactivate", active, 2)
        act("documentActivate", active, 2, note="Åter i kraft")
        save(active, 2, "Ett utkast som ligger före.")

        inactive = self._published(caller, query, owner, _named(sample, "vilande"))
        act("documentDeactivate", inactive, 1, note="Vilar")

        archived = self._published(caller, query, owner, _named(sample, "arkiverad"))
        act("documentArchive", archived, 1, note="Behövs inte mer")

        restored = self._published(caller, query, owner, _named(sample, "återställd"))
        save(restored, 1, "Andra versionen.", publish=True)
        act("documentArchive", restored, 2)
        act("documentRestore", restored, 2, version=1, publish=True, note="Återställd")
        self._ids[f"active {query}"] = active

    def templates(self) -> None:
        """Derive templates on three levels, adopt newer versions, and import one from a file."""
        top = self._ids["national caseTypeTemplate"]
        regional = self._published(
            "region",
            "caseTypeTemplate",
            STOCKHOLM,
            {"name": "Förnya recept", "internalName": "Regionens mall"},
            fromTemplate={"id": top},
        )
        clinics = self._published(
            "local",
            "caseTypeTemplate",
            BJORKEN,
            {"name": "Förnya recept", "internalName": "Björkens mall"},
            fromTemplate={"id": regional, "version": 1},
        )
        self._ids["central"] = self._published(
            "region",
            "caseType",
            STOCKHOLM,
            {"name": "Förnya recept", "internalName": CENTRAL},
            fromTemplate={"id": regional},
            note="Från regionens mall",
        )
        self._ids["behind"] = self._published(
            "local",
            "caseType",
            BJORKEN,
            {"name": "Förnya recept hos oss", "internalName": "Förnya recept – Björken"},
            fromTemplate={"id": clinics},
        )
        questions = [
            {**CONTENT["questions"][0], "label": "Vilken medicin gäller det?"},
            *CONTENT["questions"][1:],
            {"key": "mer", "label": "Vill du tillägga något?", "kind": "LONG_TEXT"},
        ]
        self._update(
            "national",
            "caseTypeTemplate",
            top,
            1,
            {"introduction": "Nationell **nyhet**.", "questions": questions},
            publish=True,
        )
        self._update("national", "caseTypeTemplate", top, 2, {"introduction": "Prövas än."})
        self._update("region", "caseTypeTemplate", regional, 1, {"introduction": "Regionens egen."})
        adopted = {"id": regional, "templateVersion": 2, "note": "Nationella frågor, egen text"}
        self._do(
            "region",
            "documentAdoptTemplate",
            **adopted,
            expectedVersion=2,
            resolutions=[{"path": "introduction", "take": "OURS"}],
        )
        self._do("region", "documentPublish", id=regional, version=3, expectedVersion=3)
        central = self._ids["central"]
        self._do("region", "documentAdoptTemplate", id=central, expectedVersion=1)
        self._do("region", "documentPublish", id=central, version=2, expectedVersion=2)
        query = "query($id: ID!) { templateExport(id: $id) { file } }"
        file = self._server.ask("national", query, {"id": top})["templateExport"]["file"]
        self._do("uppsala", "templateImport", owner=UPPSALA, file=file, note="Från fil")
        self._resident_case_templates()

    def _resident_case_templates(self) -> None:
        top = self._ids["national residentCaseTemplate"]
        created = self._published(
            "region",
            "residentCase",
            STOCKHOLM,
            {"name": "Frågor", "internalName": "Frågor – från mall"},
            fromTemplate={"id": top},
        )
        text = {"message": "Svara *senast* dagen före."}
        self._update("national", "residentCaseTemplate", top, 1, text, publish=True)
        self._do("region", "documentAdoptTemplate", id=created, expectedVersion=1)

    def _update(
        self,
        caller: str,
        query: str,
        document: str,
        expected: int,
        content: Json,
        **more: Any,
    ) -> None:
        arguments = {"id": document, "expectedVersion": expected, "content": content, **more}
        self._do(caller, f"{query}Update", **arguments)


def _named(sample: Sample, what: str) -> Json:
    return {**sample.content, "internalName": f"{sample.content['name']} – {what}"}
