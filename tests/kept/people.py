"""The callers and the clinics of a kept registry."""

from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA
from tests.kept.commands import Callers

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


def clinics_csv() -> str:
    """A CSV file of clinics of Region Stockholm, in every status."""
    rows = "\n".join(_row(number, name) for number, name in enumerate(_NAMES, 1))
    return f"{_COLUMNS}\n{rows}\n"


def uppsala_csv() -> str:
    """A CSV file of clinics of Region Uppsala."""
    names = enumerate(("Ån", "Slätten", "Slottet", "Gluntens", "Fyris", "Gränby"), 1)
    rows = "\n".join(f"{UPPSALA}-1B0{number},Vårdcentralen {name}" for number, name in names)
    return f"hsaId,name\n{rows}\n"


def _row(number: int, name: str) -> str:
    end, status = _ENDS.get(number, ("", "ACTIVE"))
    care = "1112" if number % 4 == 3 else "1502|1504" if number == 1 else "1502"
    kind = "Hudmottagningen" if care == "1112" else "Vårdcentralen"
    place = f"01;{180 + number % 5:04};Ort {number};08-465 {number:03} 00;2321000016"
    names = f"{STOCKHOLM}-1A{number:02};{kind} {name};{kind} {name}"
    return f"{names};{care};{_CARE};{place};2012-03-01;{end};{status}"
