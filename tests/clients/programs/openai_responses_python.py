"""The openai package for Python, by the responses API. What to do is in the environment; what came of it is printed."""

from __future__ import annotations

import json
import os

import openai

TOOL = {
    "type": "function",
    "name": "add",
    "description": "Add two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
client = openai.OpenAI(
    base_url=f"{os.environ['GATEWAY_URL']}/v1",
    api_key=os.environ["GATEWAY_TOKEN"],
    default_headers=json.loads(os.environ["HEADERS"]),
)
more: dict = {"reasoning": {"effort": "low", "summary": "auto"}} if os.environ["THINK"] == "yes" else {}
history: list = []
turns: list = []


def ask(model: str, seen: dict) -> openai.types.responses.Response:
    options = {
        "model": model,
        "input": history,
        "tools": [TOOL],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        **more,
    }
    if os.environ["STREAM"] != "yes":
        return client.responses.create(**options)
    with client.responses.stream(**options) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                seen["pieces"].append(event.delta)
        return stream.get_final_response()


def turn(said: dict, seen: dict) -> None:
    content: list = [{"type": "input_text", "text": said["prompt"]}]
    if said.get("picture"):
        content.insert(0, {"type": "input_image", "image_url": f"data:image/png;base64,{said['picture']}"})
    history.append({"role": "user", "content": content})
    for _ in range(3):
        reply = ask(said["model"], seen)
        for item in reply.output:
            given = item.model_dump(exclude_none=True)
            given.pop("parsed_arguments", None)
            history.append(given)
        usage = reply.usage
        cached = usage.input_tokens_details.cached_tokens
        seen["usage"] = [usage.input_tokens - cached, cached, usage.output_tokens]
        thoughts = [item for item in reply.output if item.type == "reasoning"]
        seen["thoughts"] += "".join(part.text for item in thoughts for part in [*item.summary, *(item.content or [])])
        seen["text"] = reply.output_text
        seen["reason"] = reply.status
        if not (calls := [item for item in reply.output if item.type == "function_call"]):
            return
        seen["said"] += seen["text"]
        for call in calls:
            arguments = json.loads(call.arguments)
            seen["calls"].append([call.name, arguments])
            result = str(sum(arguments.values()))
            history.append({"type": "function_call_output", "call_id": call.call_id, "output": result})


for said in json.loads(os.environ["TURNS"]):
    seen: dict = {"text": "", "said": "", "pieces": [], "thoughts": "", "calls": [], "usage": None, "reason": None}
    turns.append({**seen, "error": None})
    try:
        turn(said, turns[-1])
    except openai.APIError as error:
        turns[-1]["error"] = {"status": getattr(error, "status_code", None), "message": str(error), "type": error.type}
        break
    except RuntimeError as error:  # the stream has ended without its last event
        turns[-1]["error"] = {"status": None, "message": str(error), "type": None}
        break
print(json.dumps({"turns": turns}))
