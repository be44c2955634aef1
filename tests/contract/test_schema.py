"""The schema agrees with the contract and the committed SDL, and everything has a description."""

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
IMPLEMENTED = build_schema(SDL)
CONTRACT = build_schema((Path(__file__).parent / "contract.graphql").read_text(encoding="utf-8"))

NOT_YET_IMPLEMENTED: set[str] = set()
"""Names in the contract that the code does not have yet. Entries are only ever removed."""

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
"""Fields whose default in the contract is set by the server instead of the schema.

See docs/decisions/0006-content-input-defaults.md.
"""


def named(schema: GraphQLSchema) -> dict[str, GraphQLNamedType]:
    """The types that the schema defines itself."""
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
    """The types and fields of the contract that our schema lacks.

    For a missing type, its fields are not listed.
    """
    for name, kind in named(CONTRACT).items():
        if name not in IMPLEMENTED.type_map:
            yield name
        else:
            yield from (
                f"{name}.{field}"
                for field in members(kind)
                if field not in members(IMPLEMENTED.type_map[name])
            )


def default(value: GraphQLArgument | GraphQLInputField) -> str | None:
    """A default value as written; None for null."""
    written = (
        print_ast(value.ast_node.default_value)
        if value.ast_node and value.ast_node.default_value
        else None
    )
    return None if written == "null" else written


def promises(kind: GraphQLNamedType, only: Container[str]) -> dict[str, str | None]:
    """Everything that callers rely on in a type and in its fields named in `only`."""
    promised: dict[str, str | None] = {"kind": type(kind).__name__}
    if isinstance(kind, GraphQLEnumType):
        promised |= dict.fromkeys(kind.values, "value")
    if isinstance(kind, GraphQLUnionType):
        promised |= {member.name: "member" for member in kind.types}
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        promised |= {interface.name: "interface" for interface in kind.interfaces}
    if isinstance(kind, GraphQLInputObjectType):
        promised["one of"] = str(kind.is_one_of)
    for name, field in members(kind).items():
        if name in only:
            promised[name] = str(field.type)
            if isinstance(field, GraphQLField):
                promised |= {
                    f"{name}({argument}:)": f"{value.type} = {default(value)}"
                    for argument, value in field.args.items()
                }
            elif f"{kind.name}.{name}" not in WITHOUT_DEFAULT:
                promised[f"{name} ="] = default(field)
    return promised


def test_the_committed_sdl_equals_the_schema_of_the_code() -> None:
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == SDL, "Run: make sdl"


def test_no_change_breaks_callers_of_the_committed_sdl() -> None:
    committed = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))

    assert [change.description for change in find_breaking_changes(committed, IMPLEMENTED)] == []


def test_the_schema_lacks_only_what_is_listed_as_not_yet_implemented() -> None:
    assert sorted(missing()) == sorted(NOT_YET_IMPLEMENTED)


@pytest.mark.parametrize("name", sorted(named(CONTRACT).keys() - NOT_YET_IMPLEMENTED))
def test_a_type_agrees_with_the_contract(name: str) -> None:
    promised = promises(CONTRACT.type_map[name], members(IMPLEMENTED.type_map[name]))
    kept = promises(IMPLEMENTED.type_map[name], members(CONTRACT.type_map[name]))

    assert {what: kept.get(what, "missing") for what in promised} == promised


def test_the_schema_requires_no_input_that_the_contract_lacks() -> None:
    demands = (BreakingChangeType.REQUIRED_ARG_ADDED, BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED)

    assert [
        change.description
        for change in find_breaking_changes(CONTRACT, IMPLEMENTED)
        if change.type in demands
    ] == []


def test_fields_whose_default_is_set_by_the_server_have_none_in_the_schema() -> None:
    fields = members(IMPLEMENTED.type_map["CaseTypeContentInput"])

    assert {
        name
        for name, field in fields.items()
        if isinstance(field, GraphQLInputField) and default(field) is not None
    } == set()


def test_everything_in_the_schema_is_described() -> None:
    bare = []
    for name, kind in named(IMPLEMENTED).items():
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
                f"{name}.{value}"
                for value, described in kind.values.items()
                if not described.description
            ]

    assert bare == []


MUTATIONS = IMPLEMENTED.mutation_type.fields if IMPLEMENTED.mutation_type else {}


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
def test_a_mutations_payload_has_the_event_or_the_errors(name: str) -> None:
    kind = get_named_type(MUTATIONS[name].type)
    fields = {field: str(found.type) for field, found in members(kind).items()}

    assert isinstance(MUTATIONS[name].type, GraphQLNonNull)
    assert kind.name.endswith("Payload")
    assert fields.pop("errors") == "[UserError!]!"
    assert fields["event"] == "Event"
    assert [field for field, type_ in fields.items() if type_.endswith("!")] == []


def test_every_user_error_has_a_code_a_message_and_a_path() -> None:
    interface = IMPLEMENTED.type_map["UserError"]
    assert isinstance(interface, GraphQLInterfaceType)
    kinds = IMPLEMENTED.get_possible_types(interface)

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
