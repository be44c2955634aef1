"""Reads a registry over the API, for comparison with the answers of later versions."""

from collections.abc import Iterator
from typing import Any

from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC
from tests.kept.commands import Json, Server
from tests.kept.people import ASPEN, JOINING, PROTECTED
from tests.kept.queries import LISTS, queries

PRINCIPALS = {"national": INERA, "region": STOCKHOLM, "uppsala": UPPSALA}
CLINICS = {
    BJORKEN: ("region", "local", "staff"),
    LINDEN: ("region", "linden"),
    ASPEN: ("region",),
    JOINING: ("region", "reporter"),
    UPPSALA_CLINIC: ("uppsala", "national"),
}
STATES = {"DRAFT", "ACTIVE", "INACTIVE", "ARCHIVED"}
_PAGE = 100
READERS = ("national", "region", "uppsala", "local", "linden", "staff", "reviewer", "reporter")


def values_of(server: Server, enum: str) -> list[str]:
    """The values of an enum of the API."""
    query = "query($enum: String!) { __type(name: $enum) { enumValues { name } } }"
    listed = server.ask("region", query, {"enum": enum})["__type"]["enumValues"]
    return [value["name"] for value in listed]


class _Reading:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._queries = queries()
        self._actions = values_of(server, "Action")
        self.answers: list[Json] = []

    def ask(self, caller: str, query: str, **variables: Any) -> Json:
        """The data of a query. It is recorded unless it is empty."""
        data = self._server.ask(caller, self._queries[query], variables)
        if not _is_empty(data):
            operation = {"caller": caller, "query": query, "variables": variables}
            self.answers.append({**operation, "data": data})
        return data

    def events(self) -> Iterator[Json]:
        """All events read so far."""
        for answer in self.answers:
            if answer["query"] == "log":
                yield from nodes(answer["data"]["principal"]["events"])

    def pages_of_log(self, caller: str, principal: str) -> list[list[str]]:
        """The actions in a log, grouped so that the events of each group fit on one page."""
        query = self._queries["log"]
        pages: list[list[str]] = [[]]
        size = 0
        for action in self._actions:
            variables = {"principal": principal, "actions": [action]}
            found = self._server.ask(caller, query, variables)["principal"]["events"]["totalCount"]
            if size + found > _PAGE:
                pages.append([])
                size = 0
            pages[-1] += [action] if found else []
            size += found
        return [page for page in pages if page]


def _is_empty(data: Json) -> bool:
    """Whether the only value is null or an empty connection."""
    while len(data) == 1:
        [value] = data.values()
        if not isinstance(value, dict):
            return value is None
        data = value
    return data == {"totalCount": 0, "edges": []}


def read(server: Server) -> list[Json]:
    """Run all queries. Each answer comes with its caller, query and variables."""
    reading = _Reading(server)
    for caller in READERS:
        reading.ask(caller, "viewer")
    _documents(reading)
    _logs_and_principals(reading)
    _clinics(reading)
    for text in ("förnya recept", "villkor", "utkast", "ring först"):
        for caller in ("national", "region", "staff", "uppsala"):
            reading.ask(caller, "search", text=text)
    return reading.answers


def _documents(reading: _Reading) -> None:
    for caller in READERS:
        found = reading.ask(caller, "lists", filter={"state": sorted(STATES)})
        assert all(len(page["edges"]) == page["totalCount"] for page in found.values())
        listed = [(LISTS[many], node) for many, page in found.items() for node in nodes(page)]
        reading.ask(caller, "seen", ids=[node["id"] for _, node in listed])
        for query, node in listed:
            if node["owner"]["hsaId"].startswith(PRINCIPALS.get(caller, "none")):
                reading.ask(caller, query, id=node["id"], latest=node["latestVersion"])
    reading.ask("region", "lists", filter={"owner": BJORKEN, "state": ["ACTIVE", "DRAFT"]})


def _logs_and_principals(reading: _Reading) -> None:
    for caller, principal in PRINCIPALS.items():
        reading.ask(caller, "principal", principal=principal)
        reading.ask(caller, "logLength", principal=principal)
        for actions in reading.pages_of_log(caller, principal):
            found = reading.ask(caller, "log", principal=principal, actions=actions)
            events = found["principal"]["events"]
            assert len(events["edges"]) == events["totalCount"]
        last = max(str(event["at"]) for event in reading.events())
        span = {"from": f"{int(last[:4]) - 1}-01-01T00:00:00Z", "to": last}
        reading.ask(caller, "reports", principal=principal, **span)


def _clinics(reading: _Reading) -> None:
    for clinic, callers in CLINICS.items():
        for caller in callers:
            found = reading.ask(caller, "clinic", clinic=clinic)["clinic"]
            if (caller, clinic) != ("national", UPPSALA_CLINIC):
                reading.ask(caller, "inbox", clinic=clinic)
            for node in nodes(found["assignments"]):
                case_type = node["caseType"]["id"]
                reading.ask(caller, "localAdaptation", clinic=clinic, caseType=case_type)
    times = sorted(event["at"] for event in reading.events() if event["action"] in _TURNS)
    for clinic in (BJORKEN, LINDEN):
        for time in times[:: max(1, len(times) // 6)]:
            reading.ask("region", "clinicAt", clinic=clinic, at=time)


_TURNS = ("DISTRIBUTED", "WITHDRAWN", "FOLLOWED", "REORDERED", "ADAPTED", "PUBLISHED")


def nodes(connection: Json) -> Iterator[Json]:
    """The nodes of a connection."""
    return (edge["node"] for edge in connection["edges"])


def check(server: Server, answers: list[Json]) -> None:
    """Raise if a kind, a state or an action is missing from the answers."""
    data = [answer["data"] for answer in answers]
    happened = {str(node["action"]) for node in _found(data, "action")}
    assert happened == set(values_of(server, "Action")), happened
    kinds = values_of(server, "DocumentKind")
    types = {str(node["__typename"]) for node in _found(data, "__typename")}
    missing = {kind.replace("_", "").lower() for kind in kinds} - {name.lower() for name in types}
    assert not missing, missing
    states = {str(node["state"]) for node in _found(data, "state")}
    assert states == STATES == set(values_of(server, "DocumentState")), states
    assert all(node["verify"]["intact"] for node in _found(data, "verify"))
    actors = [node for node in _found(data, "employeeHsaId") if "name" in node]
    shown = {(actor["employeeHsaId"], actor["name"]) for actor in actors}
    assert {name for person, name in shown if person == PROTECTED} == {None}
    assert {name for _, name in shown} >= {"Anna Andersson", "Eva Ek", "Nils Nilsson"}


def _found(value: Any, field: str) -> Iterator[Json]:
    if isinstance(value, dict):
        if field in value:
            yield value
        for inner in value.values():
            yield from _found(inner, field)
    if isinstance(value, list):
        for inner in value:
            yield from _found(inner, field)
