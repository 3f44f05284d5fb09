"""A type becomes the JSON Schema that it means."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from drf_spectacular.plumbing import ComponentRegistry

from config.shapes import Shapes

pytestmark = pytest.mark.once


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class ThingJSON(TypedDict):
    """A thing."""

    id: str
    colour: Annotated[Colour, "What it looks like."]
    part: NotRequired["ThingJSON | None"]


TIME = {"type": "string", "format": "date-time"}
THING = {"$ref": "#/components/schemas/Thing"}


@pytest.fixture
def registry() -> ComponentRegistry:
    return ComponentRegistry()


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (datetime, TIME),
        (Any, {}),
        (str | None, {"type": ["string", "null"]}),
        (datetime | None, {"type": ["string", "null"], "format": "date-time"}),
        (Colour, {"type": "string", "enum": ["red", "blue"]}),
        (Colour | None, {"anyOf": [{"type": "string", "enum": ["red", "blue"]}, {"type": "null"}]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (list[datetime], {"type": "array", "items": TIME}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Annotated[str, "A name."], {"type": "string", "description": "A name."}),
        (ThingJSON, THING),
        (ThingJSON | None, {"anyOf": [THING, {"type": "null"}]}),
    ],
    ids=str,
)
def test_a_type_becomes_its_schema(registry: ComponentRegistry, hint: Any, schema: dict[str, Any]) -> None:
    assert Shapes(registry).of(hint) == schema


def test_a_typed_dict_becomes_one_component_which_may_name_itself(registry: ComponentRegistry) -> None:
    shapes = Shapes(registry)
    shapes.of(list[ThingJSON])
    assert registry.build({})["schemas"] == {
        "Thing": {
            "type": "object",
            "description": "A thing.",
            "properties": {
                "id": {"type": "string"},
                "colour": {"type": "string", "enum": ["red", "blue"], "description": "What it looks like."},
                "part": {"anyOf": [THING, {"type": "null"}]},
            },
            "required": ["id", "colour"],
        }
    }


def test_a_type_without_json_is_refused(registry: ComponentRegistry) -> None:
    with pytest.raises(TypeError, match="no JSON is known"):
        Shapes(registry).of(set[str])
