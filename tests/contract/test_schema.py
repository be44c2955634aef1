"""The schema keeps its promises: to the contract, to the committed SDL, and to those who read it."""

from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_specified_scalar_type,
    print_ast,
)
from graphql.utilities import BreakingChangeType, find_breaking_changes

from schema.registry import schema as registry

ROOT = Path(__file__).parents[2]
SDL = registry.as_str() + "\n"
OURS = build_schema(SDL)
CONTRACT = build_schema((Path(__file__).parent / "contract.graphql").read_text(encoding="utf-8"))

COMING: set[str] = set()
"""What the contract has and the code does not yet. It only ever shrinks."""

WITHOUT_DEFAULT = {
    f"CaseTypeContentInput.{name}"
    for name in (
        "introduction",
        "questions",
        "links",
        "submittable",
        "standardReplies",
        "terms",
        "onContactCard",
        "language",
    )
}
"""Fields whose default of the contract is left to the server:
docs/decisions/0006-content-input-defaults.md.
"""


def named(schema: GraphQLSchema) -> dict[str, GraphQLNamedType]:
    """The types that are the schema's own."""
    return {
        name: kind
        for name, kind in schema.type_map.items()
        if not name.startswith("__") and not is_specified_scalar_type(kind)
    }


def members(kind: GraphQLNamedType) -> Mapping[str, GraphQLField | GraphQLInputField]:
    """The fields of a type; none for scalars, enums and unions."""
    return (
        kind.fields
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType))
        else {}
    )


def missing() -> Iterator[str]:
    """The types and fields of the contract that our schema lacks; of a type that it lacks only the
    type.
    """
    for name, kind in named(CONTRACT).items():
        if name not in OURS.type_map:
            yield name
        else:
            yield from (
                f"{name}.{field}"
                for field in members(kind)
                if field not in members(OURS.type_map[name])
            )


def default(value: GraphQLArgument | GraphQLInputField) -> str | None:
    """A default value as written; null is none."""
    written = (
        print_ast(value.ast_node.default_value)
        if value.ast_node and value.ast_node.default_value
        else None
    )
    return None if written == "null" else written


def promises(kind: GraphQLNamedType, only: Container[str]) -> dict[str, str | None]:
    """Everything that callers rely on in a type and in those of its fields that are named."""
    told: dict[str, str | None] = {"kind": type(kind).__name__}
    if isinstance(kind, GraphQLEnumType):
        told |= dict.fromkeys(kind.values, "value")
    if isinstance(kind, GraphQLUnionType):
        told |= {member.name: "member" for member in kind.types}
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        told |= {interface.name: "interface" for interface in kind.interfaces}
    if isinstance(kind, GraphQLInputObjectType):
        told["one of"] = str(kind.is_one_of)
    for name, field in members(kind).items():
        if name in only:
            told[name] = str(field.type)
            if isinstance(field, GraphQLField):
                told |= {
                    f"{name}({argument}:)": f"{value.type} = {default(value)}"
                    for argument, value in field.args.items()
                }
            elif f"{kind.name}.{name}" not in WITHOUT_DEFAULT:
                told[f"{name} ="] = default(field)
    return told


def test_the_committed_sdl_is_the_codes() -> None:
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == SDL, "Run: make sdl"


def test_nothing_breaks_those_who_use_the_committed_sdl() -> None:
    committed = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))

    assert [change.description for change in find_breaking_changes(committed, OURS)] == []


def test_what_the_contract_has_and_we_lack_is_exactly_what_is_still_to_come() -> None:
    assert sorted(missing()) == sorted(COMING)


@pytest.mark.parametrize("name", sorted(named(CONTRACT).keys() - COMING))
def test_a_type_is_what_the_contract_says(name: str) -> None:
    promised = promises(CONTRACT.type_map[name], members(OURS.type_map[name]))
    kept = promises(OURS.type_map[name], members(CONTRACT.type_map[name]))

    assert {what: kept.get(what, "missing") for what in promised} == promised


def test_nothing_that_the_contract_lacks_is_demanded_of_callers() -> None:
    demands = (BreakingChangeType.REQUIRED_ARG_ADDED, BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED)

    assert [
        change.description
        for change in find_breaking_changes(CONTRACT, OURS)
        if change.type in demands
    ] == []


def test_what_is_left_to_the_server_has_no_default_in_the_schema() -> None:
    fields = members(OURS.type_map["CaseTypeContentInput"])

    assert {
        name
        for name, field in fields.items()
        if isinstance(field, GraphQLInputField) and default(field) is not None
    } == set()


def test_everything_in_the_schema_is_described() -> None:
    bare = []
    for name, kind in named(OURS).items():
        if not kind.description:
            bare.append(name)
        for field, found in members(kind).items():
            if not found.description:
                bare.append(f"{name}.{field}")
            if isinstance(found, GraphQLField):
                bare += [
                    f"{name}.{field}({argument}:)"
                    for argument, value in found.args.items()
                    if not value.description
                ]
        if isinstance(kind, GraphQLEnumType):
            bare += [
                f"{name}.{value}" for value, told in kind.values.items() if not told.description
            ]

    assert bare == []


MUTATIONS = OURS.mutation_type.fields if OURS.mutation_type else {}


def test_there_are_mutations() -> None:
    assert len(MUTATIONS) > 10


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_takes_one_input_with_an_idempotency_key(name: str) -> None:
    [argument] = MUTATIONS[name].args.items()

    assert argument[0] == "input"
    assert isinstance(argument[1].type, GraphQLNonNull)
    kind = get_named_type(argument[1].type)
    assert kind.name.endswith("Input")
    assert str(members(kind)["idempotencyKey"].type) == "String"


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutations_payload_tells_the_event_or_the_errors(name: str) -> None:
    kind = get_named_type(MUTATIONS[name].type)
    fields = {field: str(found.type) for field, found in members(kind).items()}

    assert isinstance(MUTATIONS[name].type, GraphQLNonNull)
    assert kind.name.endswith("Payload")
    assert fields.pop("errors") == "[UserError!]!"
    assert fields["event"] == "Event"
    assert [field for field, told in fields.items() if told.endswith("!")] == []


def test_every_user_error_has_a_code_a_message_and_a_path() -> None:
    interface = OURS.type_map["UserError"]
    assert isinstance(interface, GraphQLInterfaceType)
    kinds = OURS.get_possible_types(interface)

    common = {"code": "String!", "message": "String!", "path": "[String!]!"}
    assert {kind.name for kind in kinds} == {
        "InvalidInput",
        "MergeConflict",
        "NotFound",
        "NotPermitted",
        "RefusedRowError",
        "VersionConflict",
        "WrongState",
    }
    for kind in kinds:
        assert (
            common.items() <= {name: str(field.type) for name, field in kind.fields.items()}.items()
        )
