"""Providers whose answers fit a page: a scene of models that talk, one that is hostile, and one that fails."""

from __future__ import annotations

import re
import threading
from typing import Any

from tests.servers import Connection, Received, Server, delta

HELLO = "A gateway is one address for many models. It keeps the keys, tries the next provider when one fails, and says what each answer cost."
SHORT = "One door to many models: it holds the keys, picks who answers, and keeps the bill."
# Markup, a terminal's colours, letters that turn the direction of what follows, and one without an end.
HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    " \x1b[31mred\x1b[0m \u202eevil\u202c \u2066isolated\u2069 [link](javascript:alert(1)) </textarea></div> last words"
)
FAILURE = "this model is out <b>of order</b> today"
PATIENCE = 30.0  # seconds for which one stream waits for another: beyond any reply of a gateway that works


class Scene(Server):
    """Answers by the name of the model: `loud` is hostile, `broken` fails, all others talk.

    What is asked may hold a script: `script:together` has each stream wait after its first piece for *together* streams
    to be that far, `script:endless` goes on until its reader leaves. `left` counts those that did.
    """

    def __init__(self, port: int = 0, together: int = 2) -> None:
        self.together = threading.Barrier(together)
        self.left_early = threading.Event()
        super().__init__(self.play, port)

    @property
    def chats(self) -> list[Any]:
        """The bodies of the chats that it was asked for."""
        return [request.json for request in self.requests if request.path.endswith("/chat/completions")]

    def play(self, connection: Connection, request: Received) -> None:
        """Answer one request."""
        if not request.path.endswith("/chat/completions"):
            connection.reply(404, {"error": {"message": f"there is no {request.path} here"}})
            return
        body = request.json
        model, asked = body["model"], str(body["messages"][-1]["content"])
        if model.startswith("broken"):
            connection.reply(400, {"error": {"message": FAILURE, "type": "invalid_request_error"}})
            return
        text = HOSTILE if model.startswith("loud") else SHORT if "mini" in model else HELLO
        if not body.get("stream"):
            connection.reply(200, _whole(text, model))
        elif "script:endless" in asked:
            self._endless(connection)
        else:
            self._streamed(connection, text, waits="script:together" in asked)

    def _streamed(self, connection: Connection, text: str, *, waits: bool) -> None:
        connection.start_stream()
        for place, piece in enumerate(re.findall(r"(?s).{1,12}", text)):
            if place == 1 and waits:
                self.together.wait(PATIENCE)
            connection.event(delta(piece))
        connection.event(delta(None, "stop"))
        connection.event({**delta(None), "choices": [], "usage": _usage(text)})
        connection.event("[DONE]")
        connection.end_stream()

    def _endless(self, connection: Connection) -> None:
        connection.start_stream()
        try:
            while True:
                connection.event(delta("and on "))
                self.left_early.wait(0.02)
        except OSError:
            self.left_early.set()
            raise


def _usage(text: str) -> dict[str, int]:
    made = len(text) // 4
    return {"prompt_tokens": 24, "completion_tokens": made, "total_tokens": 24 + made}


def _whole(text: str, model: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    first = {"id": "c", "object": "chat.completion", "created": 1, "model": model}
    return {**first, "choices": [choice], "usage": _usage(text)}
