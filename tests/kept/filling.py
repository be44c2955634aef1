"""Fills an empty registry over the API, with documents of every kind and state."""

from collections.abc import Mapping
from typing import Any

from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, operation
from tests.kept.commands import Callers, Json, Server
from tests.kinds import SAMPLES, Sample
from tests.world import CONTENT

ASPEN, JOINING = f"{STOCKHOLM}-1A06", f"{STOCKHOLM}-1A18"
CENTRAL = "Förnya recept – central"
PROTECTED, AGAIN_NAMED = f"{STOCKHOLM}-per", f"{STOCKHOLM}-eva"
CALLERS: Callers = {
    name: {"role": role, "unit": unit, "employee": employee, "name": person}
    for name, role, unit, employee, person in (
        ("national", "NATIONAL_ADMINISTRATOR", INERA, f"{INERA}-nils", "Nils Nilsson"),
        ("region", "REGIONAL_ADMINISTRATOR", STOCKHOLM, f"{STOCKHOLM}-anna", "Anna Andersson"),
        ("uppsala", "REGIONAL_ADMINISTRATOR", UPPSALA, f"{UPPSALA}-ulla", "Ulla Uppsala"),
        ("local", "LOCAL_ADMINISTRATOR", BJORKEN, f"{STOCKHOLM}-lars", "Lars Lokal"),
        ("linden", "LOCAL_ADMINISTRATOR", LINDEN, f"{STOCKHOLM}-lena", "Lena Lokal"),
        ("staff", "CLINIC_STAFF", BJORKEN, f"{STOCKHOLM}-bo", "Bo Berg"),
        ("protected", "REGIONAL_ADMINISTRATOR", STOCKHOLM, PROTECTED, "Per Persson"),
        ("again named", "REGIONAL_ADMINISTRATOR", STOCKHOLM, AGAIN_NAMED, "Eva Ek"),
        ("reviewer", "REVIEWER", STOCKHOLM, f"{STOCKHOLM}-greta", "Greta Granskare"),
        ("reporter", "REPORTER", STOCKHOLM, "", ""),
    )
}

_COLUMNS = (
    "hsaId;name;publicName;businessClassification;businessType;careType;management;countyCode;"
    "municipalityCode;location;telephoneNumber;financingOrganization;startDate;endDate;status"
)
_CARE = "02;01;Landsting/Region"
_NAMES = [
    "Björken",
    "Linden",
    "Eken",
    "Almen",
    "Asken",
    "Aspen",
    "Boken",
    "Granen",
    "Tallen",
    "Lönnen",
    "Rönnen",
    "Hasseln",
    "Häggen",
    "Sälgen",
    "Alen",
    "Idegranen",
    "Oxeln",
]
_ENDS = {3: ("", "NOT_ACTIVATED"), 4: ("", "ARCHIVED"), 5: ("2020-01-01", "ACTIVE")}


def fill(server: Server) -> None:
    """Fill the registry. Each step uses the results of the steps before it."""
    filling = _Filling(server)
    filling.clinics_and_groups()
    for sample in SAMPLES.values():
        filling.life_of(sample)
    filling.templates()
    filling.distribution()
    filling.policies()
    filling.clinics_own()
    filling.orders()
    filling.acknowledgements()
    filling.text_changes()
    filling.people()
    filling.changed_clinics()
    filling.exports()
    filling.ended_subscription()


class _Filling:
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

    def _made(self, caller: str, query: str, owner: str, content: Json, **more: Any) -> str:
        """Create and publish a document. Returns its id."""
        document = self._draft(caller, query, owner, content, **more)
        self._do(caller, "documentPublish", id=document, version=1, expectedVersion=1)
        return document

    def _draft(self, caller: str, query: str, owner: str, content: Json, **more: Any) -> str:
        given = {"owner": owner, "content": content, **more}
        done = self._do(caller, f"{query}Create", f"{query} {{ id }}", **given)
        document: str = done[query]["id"]
        return document

    def clinics_and_groups(self) -> None:
        """Import clinics of two regions, in every status. Group them by list, file and rule."""
        rows = "\n".join(_row(number, name) for number, name in enumerate(_NAMES, 1))
        csv = f"{_COLUMNS}\n{rows}\n"
        self._do("region", "clinicsImport", principal=STOCKHOLM, csv=csv)
        names = enumerate(("Ån", "Slätten", "Slottet", "Gluntens", "Fyris", "Gränby"), 1)
        rows = "\n".join(f"{UPPSALA}-1B0{place},Vårdcentralen {name}" for place, name in names)
        csv = f"hsaId,name\n{rows}\n"
        self._do("uppsala", "clinicsImport", principal=UPPSALA, csv=csv)
        groups: Mapping[str, Json] = {
            "Pilot": {"hsaIds": [BJORKEN, LINDEN]},
            "Fil": {"csv": f"hsaId\n{BJORKEN}\n{ASPEN}\n"},
            "Vårdcentraler": {"rule": {"businessClassifications": ["1502"]}},
        }
        for name, chosen in groups.items():
            given = {"principal": STOCKHOLM, "name": name, **chosen}
            saved = self._do("region", "clinicGroupSave", "clinicGroup { id }", **given)
            self._ids[name] = saved["clinicGroup"]["id"]
        self._do(
            "region",
            "clinicGroupSave",
            id=self._ids["Pilot"],
            principal=STOCKHOLM,
            name="Pilotmottagningar",
            hsaIds=[BJORKEN, LINDEN, ASPEN],
        )

    def life_of(self, sample: Sample) -> None:
        """Create documents of one kind in every state, for each kind of owner."""
        national = sample.name.endswith("_TEMPLATE")
        caller, owner = ("national", INERA) if national else ("region", STOCKHOLM)
        self._principals_own(sample, caller, owner)
        if sample.shared != "NO":
            content = _named(sample, "nationell")
            made = self._made("national", sample.one, INERA, content, note="Nationell")
            self._ids[f"national {sample.one}"] = made
        if sample.shared == "CENTRAL":
            self._made("uppsala", sample.one, UPPSALA, _named(sample, "Uppsala"))
            self._draft("uppsala", sample.one, UPPSALA, _named(sample, "Uppsala, utkast"))
        if "CLINIC" in {str(kind) for kind in sample.owners}:
            self._made("local", sample.one, BJORKEN, _named(sample, "Björken"))
            self._draft("local", sample.one, BJORKEN, _named(sample, "Björken, utkast"))

    def _principals_own(self, sample: Sample, caller: str, owner: str) -> None:
        one = sample.one

        def save(document: str, expected: int, text: str, **more: Any) -> None:
            given = {"id": document, "expectedVersion": expected, "note": text, **more}
            self._do(caller, f"{one}Update", content=sample.with_text(text), **given)

        def act(mutation: str, document: str, expected: int, **more: Any) -> None:
            self._do(caller, mutation, id=document, expectedVersion=expected, **more)

        key = {"idempotencyKey": f"{one}-utkast", "note": "Första"}
        draft = self._draft(caller, one, owner, _named(sample, "utkast"), **key)
        assert self._draft(caller, one, owner, _named(sample, "utkast"), **key) == draft
        save(draft, 1, "Andra utkastet.")
        act("documentRestore", draft, 2, version=1, note="Tillbaka till det första")

        active = self._made(caller, one, owner, _named(sample, "i kraft"))
        save(active, 1, "Ny *text* i kraft.", publish=True)
        act("documentPublish", active, 2, version=1, note="Den äldre igen")
        act("documentDeactivate", active, 2)
        act("documentActivate", active, 2, note="Åter i kraft")
        save(active, 2, "Ett utkast som ligger före.")

        inactive = self._made(caller, one, owner, _named(sample, "vilande"))
        act("documentDeactivate", inactive, 1, note="Vilar")

        archived = self._made(caller, one, owner, _named(sample, "arkiverad"))
        act("documentArchive", archived, 1, note="Behövs inte mer")

        restored = self._made(caller, one, owner, _named(sample, "återställd"))
        save(restored, 1, "Andra versionen.", publish=True)
        act("documentArchive", restored, 2)
        act("documentRestore", restored, 2, version=1, publish=True, note="Återställd")
        self._ids[f"active {one}"] = active

    def templates(self) -> None:
        """Derive templates on three levels, adopt newer versions, and import one from a file."""
        top = self._ids["national caseTypeTemplate"]
        regional = self._made(
            "region",
            "caseTypeTemplate",
            STOCKHOLM,
            {"name": "Förnya recept", "internalName": "Regionens mall"},
            fromTemplate={"id": top},
        )
        clinics = self._made(
            "local",
            "caseTypeTemplate",
            BJORKEN,
            {"name": "Förnya recept", "internalName": "Björkens mall"},
            fromTemplate={"id": regional, "version": 1},
        )
        self._ids["central"] = self._made(
            "region",
            "caseType",
            STOCKHOLM,
            {"name": "Förnya recept", "internalName": CENTRAL},
            fromTemplate={"id": regional},
            note="Från regionens mall",
        )
        self._ids["behind"] = self._made(
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
        made = self._made(
            "region",
            "residentCase",
            STOCKHOLM,
            {"name": "Frågor", "internalName": "Frågor – från mall"},
            fromTemplate={"id": top},
        )
        text = {"message": "Svara *senast* dagen före."}
        self._update("national", "residentCaseTemplate", top, 1, text, publish=True)
        self._do("region", "documentAdoptTemplate", id=made, expectedVersion=1)

    def _update(
        self,
        caller: str,
        query: str,
        document: str,
        expected: int,
        content: Json,
        **more: Any,
    ) -> None:
        given = {"id": document, "expectedVersion": expected, "content": content, **more}
        self._do(caller, f"{query}Update", **given)

    def distribution(self) -> None:
        """Distribute case types in every way, withdraw some, and follow some."""
        central, active = self._ids["central"], self._ids["active caseType"]
        group = {"group": self._ids["Vårdcentraler"]}
        self._do("region", "caseTypeDistribute", caseType=central, to=group, startPageOrder=1)
        to: Json = {"hsaIds": [BJORKEN, LINDEN]}
        self._do("region", "caseTypeDistribute", caseType=active, to=to, note="Först ut")
        to = {"csv": f"hsaId\n{ASPEN}\n{STOCKHOLM}-1A03\n"}
        self._do("region", "caseTypeDistribute", caseType=active, to=to, skipRefused=True)
        self._ids["card"] = self._made(
            "region",
            "caseType",
            STOCKHOLM,
            CONTENT | {"name": "Boka tid", "internalName": "Boka tid", "onContactCard": True},
        )
        to = {"filter": {"businessClassifications": ["1502"]}}
        self._do(
            "region",
            "caseTypeDistribute",
            caseType=self._ids["card"],
            to=to,
            contactCardOrder=1,
            replaceLocal=[self._ids["behind"]],
        )
        to = {"hsaIds": [LINDEN, ASPEN]}
        self._do("region", "caseTypeWithdraw", caseType=active, note="Åter", **{"from": to})
        self._ids["followed"] = self._made(
            "region",
            "caseType",
            STOCKHOLM,
            CONTENT | {"name": "Intyg", "internalName": "Intyg att följa"},
        )
        followed = {"caseType": self._ids["followed"], "clinic": BJORKEN}
        self._do("local", "caseTypeFollow", **followed)
        self._do("local", "caseTypeUnfollow", **followed, note="För tidigt")
        self._do("local", "caseTypeFollow", **followed, note="Nu")
        self._do("linden", "caseTypeFollow", caseType=self._ids["followed"], clinic=LINDEN)
        self._update(
            "region",
            "caseType",
            central,
            2,
            {"introduction": "Förnya hos **{{clinic.name}}**, telefon {{clinic.phone}}."},
            publish=True,
            note="Med klinikens namn",
        )
        to = {"hsaIds": [UPPSALA_CLINIC]}
        theirs = self._made(
            "uppsala",
            "caseType",
            UPPSALA,
            CONTENT | {"name": "Recept", "internalName": "Recept i Uppsala"},
        )
        self._do("uppsala", "caseTypeDistribute", caseType=theirs, to=to)

    def policies(self) -> None:
        """Set each policy, and use the permissions that it gives."""
        given = {"principal": STOCKHOLM, "openPageLinks": True, "centralActivation": "CLINIC"}
        self._do("region", "principalPoliciesSave", **given, note="Klinikerna visar själva")
        link = {"key": "mer", "label": "Läs mer", "url": "https://example.se/", "openPage": True}
        waiting = self._made(
            "region",
            "caseType",
            STOCKHOLM,
            CONTENT | {"name": "Rådgivning", "internalName": "Rådgivning", "links": [link]},
        )
        to = {"hsaIds": [BJORKEN, LINDEN]}
        self._do("region", "caseTypeDistribute", caseType=waiting, to=to)
        self._do("local", "caseTypeShow", caseType=waiting, clinic=BJORKEN)
        self._do("region", "caseTypeHide", caseType=self._ids["central"], clinic=LINDEN)
        given = {"principal": UPPSALA, "clinicsEdit": False, "lowestAcr": _LOA2}
        self._do("uppsala", "principalPoliciesSave", **given)

    def clinics_own(self) -> None:
        """Adapt a case type at two clinics. A later version makes one adaptation due for review."""
        central = self._ids["central"]
        reply = {"key": "egen", "label": "Egen", "text": "Välkommen till {{clinic.name}}!"}
        terms = [{"key": "egna", "heading": "Hos oss", "text": "Ring *först*.", "mustAccept": True}]
        given: Json = {"caseType": central, "clinic": BJORKEN, "standardReplies": [reply]}
        self._do("local", "localAdaptationSave", **given, expectedVersion=0, terms=[])
        self._do("local", "localAdaptationSave", **given, expectedVersion=1, terms=terms)
        content = {"name": "Förnya recept nu"}
        self._update("region", "caseType", central, 3, content, publish=True)
        given |= {"clinic": LINDEN, "expectedVersion": 0, "terms": terms}
        self._do("linden", "localAdaptationSave", **given, note="Lindens")

    def orders(self) -> None:
        """Order case types for a principal, a group and a clinic, on both lists."""
        central, card, followed = (self._ids[name] for name in ("central", "card", "followed"))
        on: Json = {"principal": STOCKHOLM}
        self._reorder("region", on, "START_PAGE", [followed, central])
        self._reorder("region", on, "CONTACT_CARD", [card])
        group = {"group": self._ids["Pilot"]}
        self._reorder("region", group, "START_PAGE", [card, central])
        self._reorder("local", {"clinic": BJORKEN}, "START_PAGE", [central, followed, card])
        self._reorder("local", {"clinic": BJORKEN}, "START_PAGE", [followed, central, card])

    def _reorder(self, caller: str, on: Json, which: str, order: list[str]) -> None:
        self._do(caller, "caseTypesReorder", on=on, list=which, order=order)

    def acknowledgements(self) -> None:
        """Acknowledge part of the inbox at one clinic, and all of it at another."""
        for caller, clinic, place in (
            ("staff", BJORKEN, 12),
            ("local", BJORKEN, 4),
            ("linden", LINDEN, 0),
        ):
            query = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 50) {
                edges { node { cursor } } } } }"""
            found = self._server.ask(caller, query, {"clinic": clinic})["clinic"]
            up_to = found["notifications"]["edges"][place]["node"]["cursor"]
            self._do(caller, "notificationsAcknowledge", clinic=clinic, upTo=up_to)

    def text_changes(self) -> None:
        """Replace a text in published versions and in drafts, and undo one replacement."""
        replaced = {"owner": STOCKHOLM, "find": "läkemedel", "replace": "preparat"}
        self._do("region", "textReplace", **replaced, publish=True, note="Nytt ord")
        replaced = {"owner": STOCKHOLM, "find": "Mottaget", "replace": "Taget emot"}
        done = self._do("region", "textReplace", "batch", **replaced)
        self._do("region", "textReplaceUndo", batch=done["batch"], note="Ångrat")

    def people(self) -> None:
        """Grant and revoke roles. Protect two persons, and end the protection of one."""
        clinics_role = {"unit": BJORKEN, "role": "CLINIC_STAFF"}
        grant = {**clinics_role, "employee": f"{STOCKHOLM}-ny"}
        granted = self._do("region", "roleGrant", "roleGrant { id }", **grant)["roleGrant"]["id"]
        grant = {"unit": STOCKHOLM, "role": "REVIEWER", "employee": f"{STOCKHOLM}-ny"}
        self._do("region", "roleGrant", **grant, note="Granskar under hösten")
        self._do("region", "roleRevoke", id=granted, note="Slutat")
        for caller in ("protected", "again named"):
            content = CONTENT | {"internalName": f"Skriven av {CALLERS[caller]['employee']}"}
            self._draft(caller, "caseType", STOCKHOLM, content)
            person = {"principal": STOCKHOLM, "employee": CALLERS[caller]["employee"]}
            self._do("region", "personProtect", **person, protected=True)
        self._do("region", "personProtect", **person, protected=False)
        content = CONTENT | {"internalName": "Skriven med namn igen"}
        self._draft("again named", "caseType", STOCKHOLM, content)

    def changed_clinics(self) -> None:
        """Import again: rename, archive and end clinics, and add one to a group by its rule."""
        csv = "\n".join(
            (
                "hsaId;name;businessClassification;status;endDate",
                f"{LINDEN};Vårdcentralen Nya Linden;1502|1506;ACTIVE;2999-12-31",
                f"{STOCKHOLM}-1A09;Vårdcentralen Tallen;1502;ARCHIVED;",
                f"{STOCKHOLM}-1A10;Vårdcentralen Lönnen;1502;ACTIVE;2021-06-30",
                f"{JOINING};Vårdcentralen Pilen;1502;ACTIVE;",
            )
        )
        self._do("region", "clinicsImport", principal=STOCKHOLM, csv=csv)

    def exports(self) -> None:
        """Export as a machine and as a person."""
        self._server.export("reporter", "assignments.csv")
        self._server.export("region", "events.ndjson", principal=STOCKHOLM, action="PUBLISHED")

    def ended_subscription(self) -> None:
        """End an open subscription as an administrator."""
        subscription = f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'
        query = f"""{{ activeSubscriptions(principal: "{STOCKHOLM}") {{
            edges {{ node {{ id }} }} }} }}"""
        with self._server.follow("reporter", subscription, {}):
            while True:  # until the server lists it
                found = self._server.ask("region", query, {})["activeSubscriptions"]["edges"]
                if found:
                    break
            self._do("region", "subscriptionEnd", id=found[0]["node"]["id"], note="För många")


_LOA2 = "http://id.sambi.se/loa/loa2"


def _named(sample: Sample, what: str) -> Json:
    return {**sample.content, "internalName": f"{sample.content['name']} – {what}"}


def _row(number: int, name: str) -> str:
    end, status = _ENDS.get(number, ("", "ACTIVE"))
    care = "1112" if number % 4 == 3 else "1502|1504" if number == 1 else "1502"
    kind = "Hudmottagningen" if care == "1112" else "Vårdcentralen"
    place = f"01;{180 + number % 5:04};Ort {number};08-465 {number:03} 00;2321000016"
    names = f"{STOCKHOLM}-1A{number:02};{kind} {name};{kind} {name}"
    return f"{names};{care};{_CARE};{place};2012-03-01;{end};{status}"
