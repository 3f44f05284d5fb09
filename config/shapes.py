"""JSON Schema out of the types that answers are annotated with: TypedDict, Literal, Enum, None, datetime, Annotated."""

import inspect
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

Schema = dict[str, Any]
_PLAIN: dict[object, Schema] = {
    Any: {},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
}


class Shapes:
    """Turns types into schemas. Each TypedDict becomes one component, named like it, without "JSON"."""

    def __init__(self, registry: ComponentRegistry) -> None:
        self._registry = registry

    def of(self, hint: Any) -> Schema:
        """Return the schema of a type; raises TypeError where no JSON is known for it."""
        if hint in _PLAIN:
            return dict(_PLAIN[hint])
        if is_typeddict(hint):
            return self.named(hint.__name__.removesuffix("JSON"), lambda: self._of_fields(hint), of=hint)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return {"type": "string", "enum": [one.value for one in hint]}
        return self._of_form(hint, get_origin(hint), get_args(hint))

    def named(self, name: str, make: Callable[[], Schema], *, kind: str = ResolvedComponent.SCHEMA, of: object = "ours") -> Schema:
        """Return a reference to the component `name`; `make` makes it the first time. Two different things `of` one name are told."""
        component = ResolvedComponent(name, kind, object=of)
        if component not in self._registry:
            self._registry.register(component)
            component.schema = make()
        return dict(component.ref)

    def _of_form(self, hint: Any, origin: Any, arguments: tuple[Any, ...]) -> Schema:
        if origin is Annotated:
            return self.of(arguments[0]) | {"description": arguments[1]}
        if origin is NotRequired:
            return self.of(arguments[0])
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin in (Union, UnionType):
            return self._of_either(arguments)
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        raise TypeError(f"no JSON is known for {hint!r}")

    def _of_fields(self, hint: Any) -> Schema:
        hints = get_type_hints(hint, include_extras=True)
        # Not getdoc(): it would give dict's where there is none.
        described = {"description": inspect.cleandoc(hint.__doc__)} if hint.__dict__.get("__doc__") else {}
        return {
            "type": "object",
            **described,
            "properties": {name: self.of(kind) for name, kind in hints.items()},
            "required": [name for name in hints if name in hint.__required_keys__],
        }

    def _of_either(self, arguments: tuple[Any, ...]) -> Schema:
        options = [self.of(one) for one in arguments if one is not NoneType]
        if NoneType not in arguments:
            return {"anyOf": options}
        if len(options) == 1 and "type" in options[0] and "enum" not in options[0]:
            return options[0] | {"type": [options[0]["type"], "null"]}
        return {"anyOf": [*options, {"type": "null"}]}
