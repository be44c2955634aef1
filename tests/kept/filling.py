"""Fills an empty registry over the API, with documents of every kind and state."""

from collections.abc import Mapping

from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC
from tests.kept.commands import Json, Server
from tests.kept.documents import DocumentFilling
from tests.kept.people import ASPEN, CALLERS, JOINING, clinics_csv, uppsala_csv
from tests.kinds import SAMPLES
from tests.world import CONTENT

_LOA2 = "http://id.sambi.se/loa/loa2"


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


class _Filling(DocumentFilling):
    def clinics_and_groups(self) -> None:
        """Import clinics of two regions, in every status. Group them by list, file and rule."""
        self._do("region", "clinicsImport", principal=STOCKHOLM, csv=clinics_csv())
        self._do("uppsala", "clinicsImport", principal=UPPSALA, csv=uppsala_csv())
        groups: Mapping[str, Json] = {
            "Pilot": {"hsaIds": [BJORKEN, LINDEN]},
            "Fil": {"csv": f"hsaId\n{BJORKEN}\n{ASPEN}\n"},
            "Vårdcentraler": {"rule": {"businessClassifications": ["1502"]}},
        }
        for name, chosen in groups.items():
            arguments = {"principal": STOCKHOLM, "name": name, **chosen}
            saved = self._do("region", "clinicGroupSave", "clinicGroup { id }", **arguments)
            self._ids[name] = saved["clinicGroup"]["id"]
        self._do(
            "region",
            "clinicGroupSave",
            id=self._ids["Pilot"],
            principal=STOCKHOLM,
            name="Pilotmottagningar",
            hsaIds=[BJORKEN, LINDEN, ASPEN],
        )

    def distribution(self) -> None:
        """Distribute case types in every way, withdraw some, and follow some."""
        central, active = self._ids["central"], self._ids["active caseType"]
        group = {"group": self._ids["Vårdcentraler"]}
        self._do("region", "caseTypeDistribute", caseType=central, to=group, startPageOrder=1)
        to: Json = {"hsaIds": [BJORKEN, LINDEN]}
        self._do("region", "caseTypeDistribute", caseType=active, to=to, note="Först ut")
        to = {"csv": f"hsaId\n{ASPEN}\n{STOCKHOLM}-1A03\n"}
        self._do("region", "caseTypeDistribute", caseType=active, to=to, skipRefused=True)
        self._ids["card"] = self._published(
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
        self._ids["followed"] = self._published(
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
        theirs = self._published(
            "uppsala",
            "caseType",
            UPPSALA,
            CONTENT | {"name": "Recept", "internalName": "Recept i Uppsala"},
        )
        self._do("uppsala", "caseTypeDistribute", caseType=theirs, to=to)

    def policies(self) -> None:
        """Set each policy, and use the permissions that it gives."""
        arguments = {"principal": STOCKHOLM, "openPageLinks": True, "centralActivation": "CLINIC"}
        self._do("region", "principalPoliciesSave", **arguments, note="Klinikerna visar själva")
        link = {"key": "mer", "label": "Läs mer", "url": "https://example.se/", "openPage": True}
        waiting = self._published(
            "region",
            "caseType",
            STOCKHOLM,
            CONTENT | {"name": "Rådgivning", "internalName": "Rådgivning", "links": [link]},
        )
        to = {"hsaIds": [BJORKEN, LINDEN]}
        self._do("region", "caseTypeDistribute", caseType=waiting, to=to)
        self._do("local", "caseTypeShow", caseType=waiting, clinic=BJORKEN)
        self._do("region", "caseTypeHide", caseType=self._ids["central"], clinic=LINDEN)
        arguments = {"principal": UPPSALA, "clinicsEdit": False, "lowestAcr": _LOA2}
        self._do("uppsala", "principalPoliciesSave", **arguments)

    def clinics_own(self) -> None:
        """Adapt a case type at two clinics. A later version makes one adaptation due for review."""
        central = self._ids["central"]
        reply = {"key": "egen", "label": "Egen", "text": "Välkommen till {{clinic.name}}!"}
        terms = [{"key": "egna", "heading": "Hos oss", "text": "Ring *först*.", "mustAccept": True}]
        arguments: Json = {"caseType": central, "clinic": BJORKEN, "standardReplies": [reply]}
        self._do("local", "localAdaptationSave", **arguments, expectedVersion=0, terms=[])
        self._do("local", "localAdaptationSave", **arguments, expectedVersion=1, terms=terms)
        content = {"name": "Förnya recept nu"}
        self._update("region", "caseType", central, 3, content, publish=True)
        arguments |= {"clinic": LINDEN, "expectedVersion": 0, "terms": terms}
        self._do("linden", "localAdaptationSave", **arguments, note="Lindens")

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
        for caller, clinic, index in (
            ("staff", BJORKEN, 12),
            ("local", BJORKEN, 4),
            ("linden", LINDEN, 0),
        ):
            query = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 50) {
                edges { node { cursor } } } } }"""
            found = self._server.ask(caller, query, {"clinic": clinic})["clinic"]
            up_to = found["notifications"]["edges"][index]["node"]["cursor"]
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
