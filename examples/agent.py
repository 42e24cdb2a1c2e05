"""An agent over the gateway: a model that looks into files by calling tools, until it can answer.

    inference-providers serve &
    INFERENCE_PROVIDERS_TOKEN=... python agent.py "Which example is about tables?"

It needs the `openai` package alone: the gateway is an OpenAI-compatible address, whoever answers behind it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai import OpenAI, OpenAIError

ROOT = Path(os.environ.get("AGENT_FOLDER", ".")).resolve()
MOST_STEPS = 10


def list_files() -> list[str]:
    """The files of the folder."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file())[:200]


def read_file(path: str) -> str:
    """The first 4000 characters of a file."""
    file = (ROOT / path).resolve()
    if not file.is_relative_to(ROOT):  # a model may ask for anything
        raise ValueError(f"{path} is outside of the folder")
    return file.read_text("utf-8", "replace")[:4000]


FUNCTIONS: dict[str, Callable[..., Any]] = {"list_files": list_files, "read_file": read_file}
PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "list_files", "description": list_files.__doc__}},
    {"type": "function", "function": {"name": "read_file", "description": read_file.__doc__, "parameters": PATH}},
]


def called(name: str, arguments: str) -> str:
    """The result of a call, for the model; what goes wrong is told to it as well."""
    try:
        result = FUNCTIONS[name](**json.loads(arguments or "{}"))
    except (KeyError, TypeError, ValueError, OSError) as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    return json.dumps(result)


def answer(client: OpenAI, question: str, model: str = "auto") -> str:
    """The model's answer, after as many looks into files as it wants."""
    messages: list[Any] = [{"role": "user", "content": question}]
    for _ in range(MOST_STEPS):
        message = client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0].message
        if not message.tool_calls:
            return message.content or ""
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            if call.type == "function":
                print(f"{call.function.name}({call.function.arguments})", file=sys.stderr)
                result = called(call.function.name, call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return "I have looked for long enough, and do not know."


if __name__ == "__main__":
    gateway = os.environ.get("INFERENCE_PROVIDERS_GATEWAY", "http://127.0.0.1:8484")
    client = OpenAI(base_url=f"{gateway}/v1", api_key=os.environ.get("INFERENCE_PROVIDERS_TOKEN", "none"))
    try:
        print(answer(client, " ".join(sys.argv[1:]) or "What is in this folder?"))
    except OpenAIError as error:
        sys.exit(f"The gateway at {gateway}: {error}")
