"""The google-genai package for Python. What to do is in the environment; what came of it is printed as JSON."""

from __future__ import annotations

import base64
import json
import os

import httpx
from google import genai
from google.genai import errors, types

ADD = types.FunctionDeclaration(
    name="add",
    description="Add two numbers.",
    parameters=types.Schema(
        type=types.Type.OBJECT,
        properties={"a": types.Schema(type=types.Type.INTEGER), "b": types.Schema(type=types.Type.INTEGER)},
        required=["a", "b"],
    ),
)
client = genai.Client(
    api_key=os.environ["GATEWAY_TOKEN"],
    http_options=types.HttpOptions(base_url=os.environ["GATEWAY_URL"], headers=json.loads(os.environ["HEADERS"])),
)
config = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[ADD])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    max_output_tokens=4096,
    thinking_config=types.ThinkingConfig(include_thoughts=True) if os.environ["THINK"] == "yes" else None,
)
history: list[types.Content] = []
turns: list = []


def ask(model: str, seen: dict) -> tuple[list[types.Part], types.GenerateContentResponse]:
    if os.environ["STREAM"] != "yes":
        reply = client.models.generate_content(model=model, contents=history, config=config)
        return reply.candidates[0].content.parts, reply
    parts: list[types.Part] = []
    last = None
    for last in client.models.generate_content_stream(model=model, contents=history, config=config):
        for candidate in last.candidates or ():
            found = candidate.content.parts if candidate.content and candidate.content.parts else []
            parts += found
            seen["pieces"] += [part.text for part in found if part.text and not part.thought]
    assert last is not None
    return parts, last


def turn(said: dict, seen: dict) -> None:
    parts = [types.Part.from_text(text=said["prompt"])]
    if said.get("picture"):
        parts.insert(0, types.Part.from_bytes(data=base64.b64decode(said["picture"]), mime_type="image/png"))
    history.append(types.Content(role="user", parts=parts))
    for _ in range(3):
        parts, last = ask(said["model"], seen)
        history.append(types.Content(role="model", parts=parts))
        usage = last.usage_metadata
        cached = usage.cached_content_token_count or 0
        written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        seen["usage"] = [usage.prompt_token_count - cached, cached, written]
        seen["thoughts"] += "".join(part.text or "" for part in parts if part.thought)
        seen["text"] = "".join(part.text or "" for part in parts if not part.thought)
        seen["reason"] = last.candidates[0].finish_reason.value
        if not (calls := [part.function_call for part in parts if part.function_call]):
            return
        seen["said"] += seen["text"]
        seen["calls"] += [[call.name, call.args] for call in calls]
        results = [
            types.FunctionResponse(id=call.id, name=call.name, response={"result": str(sum(call.args.values()))})
            for call in calls
        ]
        history.append(types.Content(role="user", parts=[types.Part(function_response=one) for one in results]))


for said in json.loads(os.environ["TURNS"]):
    seen: dict = {"text": "", "said": "", "pieces": [], "thoughts": "", "calls": [], "usage": None, "reason": None}
    turns.append({**seen, "error": None})
    try:
        turn(said, turns[-1])
    except errors.APIError as error:
        turns[-1]["error"] = {"status": error.code, "message": error.message or str(error), "type": error.status}
        break
    except (errors.UnknownApiResponseError, httpx.HTTPError, ValueError) as error:
        turns[-1]["error"] = {"status": None, "message": str(error), "type": None}
        break
print(json.dumps({"turns": turns}))
