"""Loads the sample data set.

It is written through the same resolvers as every other write, so that it has a real history. The
data was written for this project and has no data of real persons or clinics. The acts are those of
fictional administrators, one for each principal or clinic.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.clinics import clinics, distribution, groups, local_adaptations, orders
from resolvers.clinics.selectors import ClinicCriteria, ClinicSelection
from resolvers.context import Context
from resolvers.documents import documents
from resolvers.documents.documents import TemplateReference
from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.resident_cases import RESIDENT_CASE_TEMPLATE
from resolvers.reference.principals import read_principals
from store.clinics.filters import ClinicFilter
from store.kinds.kinds import Kind
from store.records import ClinicRule, Document, OrderedList, OwnerKind, PrincipalKind, Role, key_of
from store.registry import Store

_DATA = files("resolvers.sample")
_SUBJECT = "sample"


async def load_sample(store: Store) -> bool:
    """Load the sample data into an empty registry.

    Returns:
        False if the registry is not empty; nothing is written then. An interrupted load can only be
        repeated in an empty database.
    """
    if not await store.history.is_empty():
        return False
    await store.principals.ensure(read_principals(_DATA / "principals.json"))
    loader = _Loader(store)
    for name in sorted(
        entry.name for entry in _DATA.iterdir() if entry.name.startswith("clinics_")
    ):
        principal = name.removeprefix("clinics_").removesuffix(".csv")
        csv = (_DATA / name).read_text(encoding="utf-8")
        await clinics.import_csv(
            await loader.administrator(principal), principal, csv, dry_run=False, key=None
        )
    for row in _read("templates.json"):
        await loader.template(row)
    for row in _read("groups.json"):
        await loader.group(row)
    for row in _read("case_types.json"):
        await loader.case_type(row)
    await loader.clinic_acts(_read("own.json"))
    for row in _read("documents.json"):
        await loader.document(row)
    return True


def _read(name: str) -> Any:
    return json.loads((_DATA / name).read_text(encoding="utf-8"))


class _Loader:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._templates: dict[str, Document] = {}
        self._contexts: dict[str, Context] = {}
        self._groups: dict[str, str] = {}
        self._case_types: dict[str, str] = {}

    async def administrator(self, owner: str) -> Context:
        """The context of a fictional administrator of a principal or clinic."""
        if owner not in self._contexts:
            principal = (await self._store.principals.known()).get(key_of(owner))
            role, name = Role.LOCAL_ADMINISTRATOR, "Lokal administratör (exempel)"
            if principal is not None:
                national = principal.kind is PrincipalKind.NATIONAL
                role = Role.NATIONAL_ADMINISTRATOR if national else Role.REGIONAL_ADMINISTRATOR
                name = f"Administratör, {principal.name} (exempel)"
            viewer = Viewer(
                subject=f"{_SUBJECT}:{owner}",
                employee_hsa_id=f"{owner if '-' in owner else owner + '-'}exempel",
                name=name,
                grants=(Grant(role, owner, includes_below=principal is not None),),
                expires_at=datetime.now(UTC) + timedelta(hours=1),
                acr=LOA3,
            )
            self._contexts[owner] = await Context.of(self._store, viewer, _SUBJECT)
            await self._contexts[owner].remember_person()
        return self._contexts[owner]

    async def template(self, row: Mapping[str, Any]) -> None:
        """Create a template with its later versions."""
        document = await self._created(CASE_TYPE_TEMPLATE, row)
        self._templates[row["key"]] = await self._edited(CASE_TYPE_TEMPLATE, document, row)

    async def document(self, row: Mapping[str, Any]) -> None:
        """Create a document of another kind with its later versions."""
        kind = self._store.kinds[row["kind"]]
        document = await self._created(kind, row, template_kind=RESIDENT_CASE_TEMPLATE)
        self._templates[row["key"]] = await self._edited(kind, document, row)

    async def case_type(self, row: Mapping[str, Any]) -> None:
        """Create a case type with its later versions, distribute it, and deactivate it if asked.

        It is distributed after the first publication, so that clinics are notified of later
        versions.
        """
        document = await self._created(CASE_TYPE, row)
        context = await self.administrator(row["owner"])
        if row.get("distributeTo") and document.owner.kind is OwnerKind.PRINCIPAL:
            await distribution.distribute(
                context,
                document.id,
                self._receivers(row["distributeTo"]),
                start_page_order=row.get("startPageOrder"),
                skip_refused=True,
                note=None,
                key=None,
            )
        document = await self._edited(CASE_TYPE, document, row)
        self._case_types[document.internal_name] = document.id
        if not row.get("active", True):
            await documents.deactivate(
                context, document.id, expected_version=document.latest, note=None, key=None
            )

    async def group(self, row: Mapping[str, Any]) -> None:
        """Create a group of clinics, listed or by rule."""
        context = await self.administrator(row["principal"])
        rule = (
            ClinicRule(business_classifications=row["rule"]["businessClassifications"])
            if "rule" in row
            else None
        )
        saved = await groups.save(
            context,
            row["principal"],
            None,
            name=row["name"],
            hsa_ids=row.get("hsaIds"),
            csv=None,
            rule=rule,
            key=None,
        )
        self._groups[row["name"]] = saved.target or ""

    async def clinic_acts(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Write the acts of clinics; the rows name case types by their internal names."""
        for row in rows["follows"]:
            context = await self.administrator(row["clinic"])
            await distribution.follow(
                context,
                self._case_types[row["caseType"]],
                row["clinic"],
                note=row["note"],
                key=None,
            )
        for row in rows["adaptations"]:
            context = await self.administrator(row["clinic"])
            content = {name: row[name] for name in ("standardReplies", "terms")}
            await local_adaptations.save(
                context,
                row["clinic"],
                self._case_types[row["caseType"]],
                content=content,
                expected_version=0,
                note=row["note"],
                key=None,
            )
        for row in rows["orders"]:
            context = await self.administrator(row["clinic"])
            order = [self._case_types[name] for name in row["order"]]
            await orders.save(
                context,
                orders.OrderTarget(clinic=row["clinic"]),
                OrderedList.START_PAGE,
                order,
                note=None,
                key=None,
            )

    async def _created(
        self, kind: Kind, row: Mapping[str, Any], template_kind: Kind = CASE_TYPE_TEMPLATE
    ) -> Document:
        context = await self.administrator(row["owner"])
        source = self._templates[row["fromTemplate"]] if row.get("fromTemplate") else None
        saved = await documents.create(
            context,
            kind,
            owner=row["owner"],
            content=row["content"],
            template_kind=template_kind,
            from_template=TemplateReference(source.id) if source else None,
            note=row.get("note"),
            key=None,
        )
        document = _required(saved.document)
        if row["publish"]:
            saved = await documents.publish(
                context, document.id, version=1, expected_version=1, note=None, key=None
            )
        return _required(saved.document)

    async def _edited(self, kind: Kind, document: Document, row: Mapping[str, Any]) -> Document:
        context = await self.administrator(row["owner"])
        for edit in row.get("edits", ()):
            saved = await documents.update(
                context,
                kind,
                document.id,
                expected_version=document.latest,
                patch=edit["patch"],
                publish=edit.get("publish", False),
                note=edit.get("note"),
                key=None,
            )
            document = _required(saved.document)
        return document

    def _receivers(self, chosen: Sequence[str] | Mapping[str, str]) -> ClinicSelection:
        if not isinstance(chosen, Mapping):
            return ClinicSelection("to", hsa_ids=chosen)
        if "group" in chosen:
            return ClinicSelection("to", group=self._groups[chosen["group"]])
        return ClinicSelection(
            "to",
            filter=ClinicCriteria(
                ClinicFilter(business_classifications=[chosen["businessClassification"]])
            ),
        )


def _required(document: Document | None) -> Document:
    if document is None:
        raise LookupError("a write returned no document")
    return document
