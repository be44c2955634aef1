"""Counts over what is kept, for those who report: what is used where, in which version, since when.
Read only.

Counted where the rows are, by index, in as many commands for a whole region as for one clinic; what
is sent here is no more than one row for
each thing that is told apart.
"""

from store.clinics.version_adoption import Adoptions
from store.kinds.kinds import Kinds
from store.mongo.connection import Database
from store.reports.acknowledgement_times import Readings
from store.reports.adapted_texts import Adapting
from store.reports.authoring import Texts
from store.reports.holdings import Holdings


class Reports:
    """The counts of one registry, by what they are about."""

    def __init__(self, database: Database, adoptions: Adoptions, kinds: Kinds) -> None:
        self.holdings = Holdings(database, adoptions)
        self.readings = Readings(database)
        self.texts = Texts(database, kinds)
        self.adapting = Adapting(database, kinds)


__all__ = ["Reports"]
