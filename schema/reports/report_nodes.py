"""Loads the documents and clinics that the rows of reports refer to."""

from schema.clinics.clinics import Clinic
from schema.errors import Info
from schema.kinds.case_types import CaseType


async def clinic_of_row(info: Info, key: str) -> Clinic:
    """Return a clinic by key.

    Raises:
        LookupError: There is no such clinic.
    """
    clinic = await info.context.loaders.clinics.load(key)
    if clinic is None:
        raise LookupError(f"clinic {key} of a report")
    return Clinic.of(clinic)


async def case_type_of_row(info: Info, document_id: str) -> CaseType:
    """Return a case type by id.

    Raises:
        LookupError: There is no such case type.
    """
    case_type = await info.context.loaders.documents.load(document_id)
    if case_type is None:
        raise LookupError(f"case type {document_id} of a report")
    return CaseType.of(case_type, info)
