"""Filters of clinics, each as a filter of MongoDB and as a test of one clinic.

Both forms are defined together, so that a group's rule and a list of clinics give the same result.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.records import Clinic, ClinicRule, ClinicStatus

_SWEDISH_LETTERS = frozenset("åäö")


@dataclass(frozen=True, slots=True)
class ClinicScope:
    """The clinics that a viewer may read: all clinics of some principals, and single clinics.

    Attributes:
        principals: Keys.
        clinics: Keys.
    """

    principals: frozenset[str]
    clinics: frozenset[str]

    def where(self) -> dict[str, Any]:
        """MongoDB's filter for these clinics."""
        branches = [
            {name: {"$in": sorted(keys)}}
            for name, keys in (("principal", self.principals), ("_id", self.clinics))
            if keys
        ]
        return {"$or": branches} if branches else {"_id": {"$in": []}}

    def has(self, clinic: Clinic) -> bool:
        """Whether a clinic is one of these."""
        return clinic.principal in self.principals or clinic.key in self.clinics


@dataclass(frozen=True, slots=True)
class ClinicFilter:
    """Conditions on clinics, all of which must hold; None sets no condition.

    A list matches a clinic that has any of its values.

    Attributes:
        within: The clinics that the viewer may read.
        principal: Key of the clinics' principal.
        keys: Keys of the only clinics.
        text: Every word is the start of a word in the clinic's names, location or HSA-id. Case and
            foreign accents do not matter; å, ä and ö are letters of their own.
        statuses: ENDED includes clinics whose end date has passed.
        similar_to: Clinics that share a business classification with this one, or a business type
            where this one has no business classification. The clinic itself does not match.
        also: Further filters that must match.
    """

    within: ClinicScope | None = None
    principal: str | None = None
    keys: Sequence[str] | None = None
    text: str | None = None
    business_classifications: Sequence[str] | None = None
    business_types: Sequence[str] | None = None
    care_types: Sequence[str] | None = None
    management: Sequence[str] | None = None
    county_codes: Sequence[str] | None = None
    municipality_codes: Sequence[str] | None = None
    statuses: Sequence[ClinicStatus] | None = None
    similar_to: Clinic | None = None
    also: Sequence["ClinicFilter"] = ()

    @classmethod
    def of_rule(cls, rule: ClinicRule, principal: str) -> "ClinicFilter":
        """The filter for the clinics that fit a group's rule."""
        return cls(
            principal=principal,
            business_classifications=rule.business_classifications,
            business_types=rule.business_types,
            care_types=rule.care_types,
            management=rule.management,
            county_codes=rule.county_codes,
            municipality_codes=rule.municipality_codes,
        )

    def where(self, now: datetime) -> dict[str, Any]:
        """MongoDB's filter for the matching clinics; end dates are compared with `now`.

        Text from users is only used as a value or as an escaped pattern.
        """
        conditions: list[dict[str, Any]] = []
        if self.within is not None:
            conditions.append(self.within.where())
        if self.principal is not None:
            conditions.append({"principal": self.principal})
        if self.keys is not None:
            conditions.append({"_id": {"$in": list(self.keys)}})
        conditions += [{"words": {"$regex": f"^{re.escape(word)}"}} for word in words_of(self.text)]
        conditions += [
            {field: {"$in": list(values)}} for field, values in self._lists() if values is not None
        ]
        if self.statuses is not None:
            conditions.append(
                {
                    "$or": (
                        [_status_where(status, now) for status in self.statuses]
                        or [{"_id": {"$in": []}}]
                    )
                }
            )
        if self.similar_to is not None:
            field, values = _shared_field(self.similar_to)
            conditions.append({field: {"$in": values}, "_id": {"$ne": self.similar_to.key}})
        conditions += [other.where(now) for other in self.also]
        return {"$and": conditions} if conditions else {}

    def matches(self, clinic: Clinic, now: datetime) -> bool:
        """Whether a clinic matches; end dates are compared with `now`."""
        words = clinic_words(clinic) if self.text else []
        return (
            (self.within is None or self.within.has(clinic))
            and (self.principal is None or clinic.principal == self.principal)
            and (self.keys is None or clinic.key in self.keys)
            and all(any(name.startswith(word) for name in words) for word in words_of(self.text))
            and all(
                values is None or not set(values).isdisjoint(_values(clinic, field))
                for field, values in self._lists()
            )
            and (self.statuses is None or clinic.status_at(now) in self.statuses)
            and (self.similar_to is None or _is_similar(clinic, self.similar_to))
            and all(other.matches(clinic, now) for other in self.also)
        )

    def _lists(self) -> Sequence[tuple[str, Sequence[str] | None]]:
        return (
            ("business_classifications", self.business_classifications),
            ("business_types", self.business_types),
            ("care_types", self.care_types),
            ("management", self.management),
            ("county_code", self.county_codes),
            ("municipality_code", self.municipality_codes),
        )


def folded(text: str) -> str:
    """A text folded for search: lower case, without accents except those of å, ä and ö."""
    return "".join(
        (
            letter
            if letter in _SWEDISH_LETTERS
            else "".join(
                part
                for part in unicodedata.normalize("NFD", letter)
                if not unicodedata.combining(part)
            )
        )
        for letter in unicodedata.normalize("NFC", text).casefold()
    )


def words_of(*texts: str | None) -> list[str]:
    """The folded words of some texts, each once, in order."""
    return list(
        dict.fromkeys(word for text in texts if text for word in re.findall(r"\w+", folded(text)))
    )


def clinic_words(clinic: Clinic) -> list[str]:
    """The search words of a clinic: of its names, its location and the parts of its HSA-id."""
    return words_of(clinic.name, clinic.public_name, clinic.location, clinic.hsa_id)


def similarity_score(clinic: Clinic) -> dict[str, Any]:
    """MongoDB's expression for the similarity of clinics to one clinic, an integer 0 to 100.

    It is the weighted share of common values: business classifications weigh 60, business types
    and care types 20 each.
    """
    shares = [
        {"$multiply": [weight, _jaccard(f"${field}", list(getattr(clinic, field)))]}
        for field, weight in (
            ("business_classifications", 60),
            ("business_types", 20),
            ("care_types", 20),
        )
    ]
    return {"$toInt": {"$round": [{"$add": shares}, 0]}}


def _jaccard(field: str, values: list[str]) -> dict[str, Any]:
    union = {"$size": {"$setUnion": [field, values]}}
    return {
        "$cond": [
            {"$eq": [union, 0]},
            1,
            {"$divide": [{"$size": {"$setIntersection": [field, values]}}, union]},
        ]
    }


def _shared_field(clinic: Clinic) -> tuple[str, list[str]]:
    """The field that similar clinics share a value of, and its values."""
    if clinic.business_classifications:
        return "business_classifications", list(clinic.business_classifications)
    return "business_types", list(clinic.business_types)


def _is_similar(clinic: Clinic, other: Clinic) -> bool:
    field, values = _shared_field(other)
    return clinic.key != other.key and not set(values).isdisjoint(_values(clinic, field))


def _values(clinic: Clinic, field: str) -> Iterable[str | None]:
    value = getattr(clinic, field)
    return (value,) if value is None or isinstance(value, str) else value


def _status_where(status: ClinicStatus, now: datetime) -> dict[str, Any]:
    if status is ClinicStatus.ARCHIVED:
        return {"status": str(status)}
    if status is ClinicStatus.ENDED:
        return {
            "status": {"$ne": str(ClinicStatus.ARCHIVED)},
            "$or": [{"status": str(status)}, {"end_date": {"$lte": now}}],
        }
    return {"status": str(status), "$or": [{"end_date": None}, {"end_date": {"$gt": now}}]}
