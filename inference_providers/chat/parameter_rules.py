"""Generation parameters at one offer: those that it refuses, and its own spelling of others. Pure."""

from __future__ import annotations

from inference_providers.chat import completion
from inference_providers.chat.parameters import DEVELOPER, DROP, KEEP, schema_prompt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from typing import Any


class Rules:
    """An offer's rules for the vocabulary: parameters that it refuses, and its own spelling of others."""

    __slots__ = ("model", "prompted", "provider", "refused", "spelling", "turns")

    def __init__(
        self,
        general: Mapping[str, Any],
        own: Mapping[str, Any],
        refused: Iterable[str] = (),
        *,
        provider: str = "",
        turns: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
    ) -> None:
        """*general*, *own*: the registry's rules for everybody, and its provider's. *refused*: by its model.

        *provider*, *turns*: its provider's id, and how that wants the turns of a conversation. *model*: how its model
        wants what its protocol has several words for (see `protocols.messages_out`).
        """
        accepted = {*(own.get("accepts") or ()), *(own.get("spelling") or ())}
        extras = {name for name in general.get("extras") or () if name not in accepted}
        self.refused = frozenset(extras).union(own.get("refuses") or (), refused)
        self.spelling: Mapping[str, str] = own.get("spelling") or {}
        self.provider, self.turns = provider, turns or {}
        self.model: Mapping[str, Any] = model or {}
        self.prompted = not self.refused.isdisjoint(("json_schema", "response_format"))  # schemas go into the prompt


def dropped(body: Mapping[str, Any], rules: Rules, exempt: Container[str] = ()) -> list[str]:
    """Names of parameters in *body* that these rules leave out, not counting those that are only put differently."""
    names = [name for name in body if name in rules.refused and name not in _OWN_REQUESTS and name not in exempt]
    if "response_format" in names and rules.prompted and _schema_of(body["response_format"]) is not None:
        names.remove("response_format")  # put into the prompt instead
    return names


_OWN_REQUESTS = ("stream_options",)  # set by this package, not by the user


def adapted(body: Mapping[str, Any], rules: Rules, *, mode: str = DROP, exempt: Container[str] = ()) -> dict[str, Any]:
    """*body* in this offer's spelling.

    What it refuses is left out, unless *mode* is KEEP. The names in *exempt* stay as they are.
    """
    fields = dict(body)
    if mode != KEEP:
        if "max_completion_tokens" in fields and "max_tokens" not in fields and "max_completion_tokens" not in exempt:
            fields["max_tokens"] = fields.pop("max_completion_tokens")  # OpenAI's newer name, as its SDK sends it
        if not _are_plain(fields.get("messages") or ()) and "messages" not in exempt:
            from inference_providers.chat.turns import fitted

            fields["messages"] = fitted(fields, rules.provider, rules.turns, developer=DEVELOPER not in rules.refused)
        if rules.prompted and (schema := _schema_of(fields.get("response_format"))) is not None:
            fields["messages"] = completion.with_instruction(fields.get("messages") or (), schema_prompt(schema))
            del fields["response_format"]
        for name in [name for name in fields if name in rules.refused and name not in exempt]:
            del fields[name]
    for name, spelled in rules.spelling.items():
        if name in fields and name not in exempt:
            _put(fields, spelled, fields.pop(name))
    return fields


_SAID = {"role", "content"}


def _are_plain(turns: Any) -> bool:
    """Whether turns go to everybody as they are: those of users and systems do, and those of models that only talk."""
    try:
        return not [
            turn
            for turn in turns
            if (role := turn.get("role")) != "user"
            and role != "system"
            and not (role == "assistant" and turn.keys() == _SAID and turn["content"].strip())
        ]
    except (AttributeError, TypeError):  # of a shape that is the provider's to judge
        return False


def _schema_of(response_format: Any) -> Mapping[str, Any] | None:
    inner = response_format.get("json_schema") if isinstance(response_format, dict) else None
    schema = inner.get("schema") if isinstance(inner, dict) else None
    return schema if isinstance(schema, dict) else None


def _put(fields: dict[str, Any], path: str, value: Any) -> None:
    """Set `a.b.c` in nested objects, copied so that the caller's stay unchanged."""
    *outer, last = path.split(".")
    for name in outer:
        inner = fields.get(name)
        fields[name] = fields = dict(inner) if isinstance(inner, dict) else {}
    fields[last] = value


# What a request needs that cannot be left out: feature -> its name in an error.
NEEDS = {"tools": "tool calls", "vision": "images", "pdf": "PDF files", "audio": "audio"}
_PARTS = {"image_url": "vision", "input_audio": "audio"}  # by the type of a part
_PDF_DATA = ("data:application/pdf", "https://", "http://")


def needs(body: Mapping[str, Any]) -> list[str]:
    """The features without which *body* makes no sense."""
    features = ["tools"] if body.get("tools") else []
    turns = body.get("messages")
    for turn in turns if isinstance(turns, list | tuple) else ():
        parts = turn.get("content") if isinstance(turn, dict) else None
        for part in parts if isinstance(parts, list) else ():
            need = _need(part) if isinstance(part, dict) else None
            if need is not None and need not in features:
                features.append(need)
    return features


def _need(part: Mapping[str, Any]) -> str | None:
    kind = part.get("type")
    if kind != "file":
        return _PARTS.get(kind) if isinstance(kind, str) else None
    data = file.get("file_data") if isinstance(file := part.get("file"), dict) else None
    # Of files of other kinds nobody knows who takes them.
    return "pdf" if isinstance(data, str) and data.startswith(_PDF_DATA) else None
