"""The openai package for Python. What to do is in the environment; what came of it is printed as JSON."""

from __future__ import annotations

import json
import os

import openai

SCRIPT, STREAM = os.environ["SCRIPT"], os.environ["STREAM"] == "yes"
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
client = openai.OpenAI(
    base_url=os.environ["GATEWAY_URL"],
    api_key=os.environ["GATEWAY_TOKEN"],
    organization="org-of-the-caller",
    default_headers=json.loads(os.environ["HEADERS"]),
)
seen: dict = {"text": "", "pieces": [], "calls": [], "usage": None, "error": None}


def whole(messages: list) -> object:
    reply = client.chat.completions.create(model=os.environ["MODEL"], messages=messages, tools=[TOOL])
    seen["usage"] = reply.usage.total_tokens
    return reply.choices[0].message


def streamed(messages: list) -> object:
    with client.chat.completions.stream(
        model=os.environ["MODEL"], messages=messages, tools=[TOOL], stream_options={"include_usage": True}
    ) as stream:
        for event in stream:
            if event.type == "content.delta":
                seen["pieces"].append(event.delta)
        reply = stream.get_final_completion()
    seen["usage"] = reply.usage.total_tokens
    return reply.choices[0].message


def main() -> None:
    ask = streamed if STREAM else whole
    messages: list = [{"role": "user", "content": SCRIPT}]
    message = ask(messages)
    if message.tool_calls:
        messages.append(said(message))
        for call in message.tool_calls:
            arguments = json.loads(call.function.arguments)
            seen["calls"].append([call.function.name, arguments])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(sum(arguments.values()))})
        message = ask(messages)
    seen["text"] = message.content


def said(message: object) -> dict:
    """A message as it goes back, without what the SDK has parsed."""
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


try:
    if SCRIPT == "models":
        seen["text"] = " ".join(model.id for model in client.models.list())
    else:
        main()
except openai.APIStatusError as error:
    seen["error"] = {"status": error.status_code, "message": error.message, "code": error.code}
except openai.APIError as error:
    seen["error"] = {"status": None, "message": error.message, "code": None}
print(json.dumps(seen))
