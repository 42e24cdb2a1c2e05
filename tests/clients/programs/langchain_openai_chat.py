"""LangChain's ChatOpenAI. What to do is in the environment; what came of it is printed as JSON."""

from __future__ import annotations

import json
import os

import openai
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


model = ChatOpenAI(
    model=os.environ["MODEL"],
    base_url=os.environ["GATEWAY_URL"],
    api_key=os.environ["GATEWAY_TOKEN"],
    default_headers=json.loads(os.environ["HEADERS"]),
    stream_usage=True,
).bind_tools([add])
seen: dict = {"text": "", "pieces": [], "calls": [], "usage": None, "error": None}


def ask(messages: list) -> object:
    if os.environ["STREAM"] != "yes":
        return model.invoke(messages)
    reply = None
    for piece in model.stream(messages):
        if piece.text:
            seen["pieces"].append(str(piece.text))
        reply = piece if reply is None else reply + piece
    assert isinstance(reply, AIMessageChunk)
    return reply


try:
    messages: list = [HumanMessage(os.environ["SCRIPT"])]
    reply = ask(messages)
    if reply.tool_calls:
        messages.append(reply)
        for call in reply.tool_calls:
            seen["calls"].append([call["name"], call["args"]])
            messages.append(ToolMessage(str(add.invoke(call["args"])), tool_call_id=call["id"]))
        reply = ask(messages)
    seen["text"], seen["usage"] = str(reply.text), reply.usage_metadata["total_tokens"]
except openai.APIStatusError as error:
    seen["error"] = {"status": error.status_code, "message": error.message, "code": error.code}
except openai.OpenAIError as error:
    seen["error"] = {"status": None, "message": f"{type(error).__name__}: {error}", "code": None}
print(json.dumps(seen))
