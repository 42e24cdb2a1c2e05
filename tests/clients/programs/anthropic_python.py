"""The anthropic package for Python. What to do is in the environment; what came of it is printed as JSON."""

from __future__ import annotations

import json
import os

import anthropic

TOOL = {
    "name": "add",
    "description": "Add two numbers.",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
client = anthropic.Anthropic(
    base_url=os.environ["GATEWAY_URL"],
    default_headers=json.loads(os.environ["HEADERS"]),
    **{os.environ.get("KEY", "api_key"): os.environ["GATEWAY_TOKEN"]},
)
more: dict = {"thinking": {"type": "enabled", "budget_tokens": 2048}} if os.environ["THINK"] == "yes" else {}
more |= json.loads(os.environ.get("MORE", "{}"))
history: list = []
turns: list = []


def ask(model: str, seen: dict) -> anthropic.types.Message:
    options = {"model": model, "max_tokens": 4096, "messages": history, "tools": [TOOL], **more}
    if os.environ["STREAM"] != "yes":
        return client.messages.create(**options)
    with client.messages.stream(**options) as stream:
        seen["pieces"] += stream.text_stream
        return stream.get_final_message()


def turn(said: dict, seen: dict) -> None:
    content: list = [{"type": "text", "text": said["prompt"]}]
    if said.get("picture"):
        source = {"type": "base64", "media_type": "image/png", "data": said["picture"]}
        content.insert(0, {"type": "image", "source": source})
    history.append({"role": "user", "content": content})
    for _ in range(3):
        reply = ask(said["model"], seen)
        history.append(
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in reply.content]}
        )
        seen["usage"] = [reply.usage.input_tokens, reply.usage.cache_read_input_tokens or 0, reply.usage.output_tokens]
        seen["thoughts"] += "".join(block.thinking for block in reply.content if block.type == "thinking")
        seen["text"] = "".join(block.text for block in reply.content if block.type == "text")
        seen["reason"] = reply.stop_reason
        if not (uses := [block for block in reply.content if block.type == "tool_use"]):
            return
        seen["said"] += seen["text"]
        seen["calls"] += [[use.name, use.input] for use in uses]
        results = [
            {"type": "tool_result", "tool_use_id": use.id, "content": str(sum(use.input.values()))} for use in uses
        ]
        history.append({"role": "user", "content": results})


for said in json.loads(os.environ["TURNS"]):
    seen: dict = {"text": "", "said": "", "pieces": [], "thoughts": "", "calls": [], "usage": None, "reason": None}
    turns.append({**seen, "error": None})
    try:
        turn(said, turns[-1])
    except anthropic.APIError as error:
        body = error.body if isinstance(error.body, dict) else {}
        kind = (body.get("error") or {}).get("type")
        status = getattr(error, "status_code", None)
        turns[-1]["error"] = {"status": status, "message": str(error), "type": kind}
        break
print(json.dumps({"turns": turns}))
