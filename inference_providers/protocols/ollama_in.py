"""Ollama's requests, as programs send them: /api/chat and /api/generate, read into chat completions; embeddings. Pure.

Options of an engine that runs here change nothing of what is meant: they are left out, and named. What would change it
is refused, since no provider but Ollama itself speaks this.
"""

from __future__ import annotations

import binascii
import json

from inference_providers import chat
from inference_providers.protocols.dialect import Asked, settled
from inference_providers.protocols.pending_calls import PendingCalls
from inference_providers.protocols.request_fields import array, mapping, number, refused, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_OPTIONS = {  # of which a chat completion has the same, by another name or none
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p", "seed": "seed",
    "repeat_penalty": "repetition_penalty", "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}  # fmt: skip
_WHOLE = ("top_k", "seed", "num_predict", "top_logprobs", "dimensions")  # numbers that some languages send as 40.0
_ENGINES = (  # options for an engine that loads the model itself, and ways of sampling that few others have
    "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "num_keep", "numa", "low_vram", "f16_kv",
    "logits_all", "vocab_only", "use_mmap", "use_mlock", "embedding_only", "draft_num_predict", "tfs_z", "typical_p",
    "repeat_last_n", "mirostat", "mirostat_tau", "mirostat_eta", "penalize_newline",
)  # fmt: skip
_LOST = ("keep_alive", "truncate", "shift")
_REFUSED = {  # fields of /api/generate, and what they would do
    "template": "replaces the model's own template of a prompt",
    "raw": "sends a prompt without the model's template",
    "suffix": "asks for text between two others",
    "context": "goes on with a conversation in tokens of one model; send it as messages to /api/chat",
    "width": "asks for a picture", "height": "asks for a picture", "steps": "asks for a picture",
}  # fmt: skip
# Ollama's levels, and those of chat completions. `false` keeps a model from thinking, `true` is its own measure.
_THINK = {"low": "low", "medium": "medium", "high": "high", "max": "high", "xhigh": "high", "minimal": "minimal",
          "none": "none", True: "medium", False: "none"}  # fmt: skip
_HEAD = 64  # characters of a picture's base64 that tell what it is


def read(body: Mapping[str, Any]) -> Asked:
    """A request of /api/chat as one for a chat completion. Raises InvalidRequestError, which names the field."""
    losses: dict[str, None] = {}
    turns = _Turns()
    for place, message in enumerate(array(body.get("messages"), "messages")):
        turns.add(mapping(message, f"messages.{place}"), f"messages.{place}")
    made = _made(body, turns.all(), losses)
    if tools := _tools(body.get("tools")):
        made["tools"] = tools
    return Asked(made, body, losses=losses, streams="stream" in made)


def read_generate(body: Mapping[str, Any]) -> Asked:
    """A request of /api/generate as one for a chat completion. Raises InvalidRequestError, which names the field."""
    for name, does in _REFUSED.items():
        if body.get(name) not in (None, False, "", 0, []):
            raise refused(f"{name} {does}, which no chat model can be asked for")
    losses: dict[str, None] = {}
    turns: list[dict[str, Any]] = []
    if system := _said(body.get("system"), "system"):
        turns.append({"role": "system", "content": system})
    text = _said(body.get("prompt"), "prompt")
    turns.append({"role": "user", "content": _content(text, _pictures(body.get("images"), "images"))})
    made = _made(body, turns, losses)
    return Asked(made, body, losses=losses, streams="stream" in made)


def loads(body: Mapping[str, Any]) -> str:
    """`load` or `unload` for a request that only has a model loaded or unloaded; nothing for all others.

    That is one with nothing to answer: no prompt and no pictures, or no messages.
    """
    said = body.get("messages") if "messages" in body else body.get("prompt") or body.get("images")
    if said not in (None, "", []):
        return ""
    return "unload" if str(body.get("keep_alive")) in ("0", "0s", "0.0") else "load"


def model_name(body: Mapping[str, Any]) -> str:
    """The model of a request, without the tag that every name has here. Raises InvalidRequestError."""
    name = str(text(body.get("model") or body.get("name") or "auto", "model"))
    return name.removesuffix(":latest") or name


def read_embed(body: Mapping[str, Any]) -> Asked:
    """A request of /api/embed, or of the older /api/embeddings, as one for embeddings."""
    given = body.get("input", body.get("prompt", ""))
    texts = [text(one, "input") for one in given] if isinstance(given, list) else [text(given, "input")]
    made: dict[str, Any] = {"model": model_name(body), "input": texts, "encoding_format": "float"}
    if body.get("dimensions"):
        made["dimensions"] = _count("dimensions", body["dimensions"], "dimensions")
    lost = ("keep_alive", "truncate", "options")
    return Asked(made, body, losses=[name for name in lost if body.get(name) not in (None, {})])


def _made(body: Mapping[str, Any], turns: list[dict[str, Any]], losses: dict[str, None]) -> dict[str, Any]:
    """What both ways of asking have in common."""
    if not turns:
        raise refused("messages: at least one is needed")
    losses |= dict.fromkeys(name for name in _LOST if body.get(name) is not None)
    made: dict[str, Any] = {"model": model_name(body), "messages": turns}
    _read_options(mapping(body.get("options") or {}, "options"), made, losses)
    form = body.get("format")
    if form == "json":
        made["response_format"] = {"type": "json_object"}
    elif form not in (None, ""):
        if not isinstance(form, dict):
            raise refused("format must be 'json' or a JSON schema")
        made["response_format"] = chat.parameters.json_schema(form)
    think = body.get("think")
    if think not in (None, ""):
        if not isinstance(think, str | bool) or think not in _THINK:
            raise refused(f"think must be true, false, low, medium or high, not {think!r:.40}")
        made["reasoning_effort"] = _THINK[think]
        if think in ("max", "xhigh"):
            losses["think"] = None
    if body.get("logprobs") is True:
        made["logprobs"] = True
        if body.get("top_logprobs"):
            made["top_logprobs"] = _count("top_logprobs", body["top_logprobs"], "top_logprobs")
    if body.get("stream") is not False:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return made


def _read_options(options: Mapping[str, Any], made: dict[str, Any], losses: dict[str, None]) -> None:
    for name, known in _OPTIONS.items():
        if options.get(name) is not None:
            made[known] = _count(name, options[name], f"options.{name}")
    if made.get("seed", 0) < 0:
        del made["seed"]  # by chance
    most = options.get("num_predict")
    if most is not None and (most := _count("num_predict", most, "options.num_predict")) > 0:
        made["max_tokens"] = most  # below that there is no limit
    stop = options.get("stop")
    if stop := [stop] if isinstance(stop, str) else array(stop or [], "options.stop"):
        made["stop"] = [text(one, "options.stop") for one in stop]
    losses |= dict.fromkeys(f"options.{name}" for name in _ENGINES if options.get(name) is not None)


def _count(name: str, value: Any, where: str) -> Any:
    found = number(value, where)
    return int(found) if name in _WHOLE and isinstance(found, float) and found.is_integer() else found


def _tools(given: Any) -> list[dict[str, Any]]:
    tools = []
    for place, tool in enumerate(array(given or [], "tools")):
        where = f"tools.{place}"
        if (kind := mapping(tool, where).get("type") or "function") != "function":
            raise refused(f"{where}.type must be function, not {kind!r:.60}")
        function = mapping(tool.get("function"), f"{where}.function")
        made = {"name": text(function.get("name"), f"{where}.function.name")}
        if function.get("description") is not None:
            made["description"] = text(function["description"], f"{where}.function.description")
        parameters = function.get("parameters") or {"type": "object", "properties": {}}
        made["parameters"] = mapping(parameters, f"{where}.function.parameters")
        tools.append({"type": "function", "function": made})
    return tools


# The conversation


class _Turns:
    """Messages as turns. Calls have no ids here, and results say at most whose they are: both get ids, in order."""

    def __init__(self) -> None:
        self._turns: list[dict[str, Any]] = []
        self._open = PendingCalls()
        self._shown: list[dict[str, Any]] = []  # pictures that tools show, which their turns cannot hold
        self._ids: set[str] = set()

    def add(self, message: Mapping[str, Any], where: str) -> None:
        role, text = message.get("role"), _said(message.get("content"), f"{where}.content")
        pictures = _pictures(message.get("images"), f"{where}.images")
        if role == "tool":
            self._result(message, text, pictures, where)
            return
        self._show()
        if role == "assistant":
            self._assistant(message, text, where)
        elif role not in ("user", "system", "developer"):
            raise refused(f"{where}.role must be system, user, assistant or tool, not {role!r:.40}")
        else:
            self._turns.append({"role": role, "content": _content(text, pictures)})
        if pictures and role != "user":
            raise refused(f"{where}.images: pictures belong to messages of the user or of a tool, not of {role}")

    def all(self) -> list[dict[str, Any]]:
        self._show()
        return settled(self._turns)

    def _assistant(self, message: Mapping[str, Any], text: str, where: str) -> None:
        calls = [self._call(call, f"{where}.tool_calls") for call in array(message.get("tool_calls") or [], where)]
        thoughts = _said(message.get("thinking"), f"{where}.thinking")
        self._open = PendingCalls()
        for call in calls:
            name = call["function"]["name"]
            self._open.add((call["id"], name), ("id", call["id"]), ("name", name))
        turn: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
        if thoughts:
            turn["reasoning_content"] = thoughts
        if calls:
            turn["tool_calls"] = calls
        if text or thoughts or calls:
            self._turns.append(turn)

    def _call(self, call: Any, where: str) -> dict[str, Any]:
        function = mapping(mapping(call, where).get("function"), f"{where}.function")
        arguments = function.get("arguments")
        if not isinstance(arguments, str):  # as many write it who know other APIs
            arguments = json.dumps(mapping(arguments or {}, f"{where}.function.arguments"), ensure_ascii=False)
        given = call.get("id") or self._new_id()
        self._ids.add(text(given, f"{where}.id"))
        called = {"name": text(function.get("name"), f"{where}.function.name"), "arguments": arguments or "{}"}
        return {"id": given, "type": "function", "function": called}

    def _new_id(self) -> str:
        """One that no call has; the same with every request that goes on with this conversation."""
        number = len(self._ids) + 1
        while f"call_{number}" in self._ids:
            number += 1
        return f"call_{number}"

    def _result(self, message: Mapping[str, Any], text: str, pictures: list[dict[str, Any]], where: str) -> None:
        name = _said(message.get("tool_name") or message.get("name"), f"{where}.tool_name")
        given = _said(message.get("tool_call_id"), f"{where}.tool_call_id")
        answered = self._answered(given, name)
        if answered is None:  # of a call that nobody made in this conversation: it is told, all the same
            self._show()
            text = f"Result of the tool {name}:\n{text}" if name else f"Result of a tool:\n{text}"
            self._turns.append({"role": "user", "content": _content(text, pictures)})
            return
        if pictures:
            text = f"{text}\n(what it shows follows)".strip()
            self._shown += [{"type": "text", "text": f"What the tool call {answered[0]} shows:"}, *pictures]
        self._turns.append({"role": "tool", "tool_call_id": answered[0], "content": text})

    def _answered(self, given: str, name: str) -> tuple[str, str] | None:
        """The call that a result belongs to: by its id, else the first of its name, else the first."""
        return self._open.take(("id", given)) if given else self._open.take(("name", name)) or self._open.take()

    def _show(self) -> None:
        """Pictures of results stand behind the last of them: between results, nobody takes another turn."""
        if self._shown:
            self._turns.append({"role": "user", "content": self._shown})
            self._shown = []


def _said(value: Any, where: str) -> str:
    return "" if value is None else str(text(value, where))


def _content(text: str, pictures: list[dict[str, Any]]) -> Any:
    return [*([{"type": "text", "text": text}] if text else []), *pictures] if pictures else text


def _pictures(given: Any, where: str) -> list[dict[str, Any]]:
    """Pictures in bare base64, as parts. What they are is told by how they begin."""
    parts = []
    for place, picture in enumerate(array(given or [], where)):
        url = text(picture, f"{where}.{place}")
        if not url.startswith("data:"):
            try:
                form = chat.image_format(binascii.a2b_base64(url[:_HEAD]))
            except (ValueError, UnicodeError):
                form = None
            if form is None:
                raise refused(f"{where}.{place} must be a PNG, JPEG, GIF, WebP or BMP picture in base64")
            url = f"data:image/{form};base64,{url}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts
