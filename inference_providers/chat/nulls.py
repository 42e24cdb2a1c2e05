"""Null in a reply, where strict structured output has nothing else for a field that is left out. Pure."""

from __future__ import annotations

from inference_providers.chat.strict_schema import KINDS, followed, has_values, types, values_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def restored(schema: Mapping[str, Any], value: Any) -> Any:
    """A reply to the strict form of *schema* as one to *schema*: without null where a field is to be left out."""
    return _restored(schema, value, schema)


def _restored(node: Any, value: Any, root: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict | list):
        return value
    forms = list(followed(node, root))
    if isinstance(value, list):
        first, rest = next(((f.get("prefixItems") or [], f.get("items")) for f in forms if _holds_items(f)), ([], None))
        return [_restored(first[i] if i < len(first) else rest, item, root) for i, item in enumerate(value)]
    form = forms[0] if len(forms) == 1 else next((form for form in forms if _could_be(form, value)), {})
    fields, others = form.get("properties") or {}, form.get("additionalProperties")
    required = form.get("required") or ()
    return {
        name: _restored(fields.get(name, others), inner, root)
        for name, inner in value.items()
        if inner is not None or name not in fields or name in required or _takes_null(fields[name], root)
    }


def _holds_items(form: Mapping[str, Any]) -> bool:
    return isinstance(form.get("items"), dict) or isinstance(form.get("prefixItems"), list)


def _could_be(form: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether an object is one of this form, by the names of its fields and the constants among them."""
    fields = form.get("properties")
    if not isinstance(fields, dict) or not fields:
        return isinstance(form.get("additionalProperties"), dict)
    return (
        value.keys() <= fields.keys()
        and all(name in value for name in form.get("required") or ())
        and all(not _is_other(field, value.get(name)) for name, field in fields.items())
    )


def _is_other(field: Any, value: Any) -> bool:
    return isinstance(field, dict) and value is not None and has_values(field) and value not in values_of(field)


def _takes_null(field: Any, root: Mapping[str, Any]) -> bool:
    return any(
        None in values_of(form) if has_values(form) else "null" in types(form) or not any(k in form for k in KINDS)
        for form in followed(field, root)
    )
