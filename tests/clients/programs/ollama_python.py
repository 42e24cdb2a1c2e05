"""The ollama package for Python. What to do is in the environment; what came of it is printed as JSON."""

from __future__ import annotations

import json
import os

import ollama

TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
headers = json.loads(os.environ["HEADERS"]) | {"Authorization": f"Bearer {os.environ['GATEWAY_TOKEN']}"}
client = ollama.Client(host=os.environ["GATEWAY_URL"], headers=headers)
think = True if os.environ["THINK"] == "yes" else None
history: list = []
turns: list = []


def ask(model: str, seen: dict) -> tuple[ollama.Message, ollama.ChatResponse]:
    if os.environ["STREAM"] != "yes":
        reply = client.chat(model, history, tools=[TOOL], think=think)
        return reply.message, reply
    text, thoughts, calls, last = "", "", [], None
    for last in client.chat(model, history, tools=[TOOL], think=think, stream=True):
        if last.message.content:
            seen["pieces"].append(last.message.content)
            text += last.message.content
        thoughts += last.message.thinking or ""
        calls += last.message.tool_calls or []
    assert last is not None
    assert last.done, "the stream ended before it was done"
    return ollama.Message(role="assistant", content=text, thinking=thoughts or None, tool_calls=calls or None), last


def turn(said: dict, seen: dict) -> None:
    message: dict = {"role": "user", "content": said["prompt"]}
    if said.get("picture"):
        message["images"] = [said["picture"]]
    history.append(message)
    for _ in range(3):
        reply, last = ask(said["model"], seen)
        history.append(reply)
        seen["usage"] = [last.prompt_eval_count, 0, last.eval_count]
        seen["thoughts"] += reply.thinking or ""
        seen["text"] = reply.content or ""
        seen["reason"] = last.done_reason
        if not reply.tool_calls:
            return
        seen["said"] += seen["text"]
        for call in reply.tool_calls:
            seen["calls"].append([call.function.name, call.function.arguments])
            result = str(sum(call.function.arguments.values()))
            history.append({"role": "tool", "tool_name": call.function.name, "content": result})


for said in json.loads(os.environ["TURNS"]):
    seen: dict = {"text": "", "said": "", "pieces": [], "thoughts": "", "calls": [], "usage": None, "reason": None}
    turns.append({**seen, "error": None})
    try:
        turn(said, turns[-1])
    except ollama.ResponseError as error:
        turns[-1]["error"] = {"status": error.status_code, "message": error.error, "type": None}
        break
    except Exception as error:  # noqa: BLE001  (what it raises of a stream that breaks off is not in its documentation)
        turns[-1]["error"] = {"status": None, "message": f"{type(error).__name__}: {error}", "type": None}
        break
print(json.dumps({"turns": turns}))
