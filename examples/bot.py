"""A chat bot by long polling, as Telegram's Bot API has it: each chat is a conversation of its own.

BOT_URL=https://api.telegram.org/bot$TOKEN python bot.py
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from inference_providers import InferenceProvidersError, ProviderList

SYSTEM = "You are a helpful bot. Answer briefly."
KEPT = 20  # turns of each chat
PAUSE = 5.0  # seconds before the chat service is asked again where it cannot be reached


class Bot:
    """Answers messages until it is stopped."""

    def __init__(self, url: str, models: ProviderList) -> None:
        self.url, self.models = url.rstrip("/"), models
        self.chats: dict[int, list[dict[str, str]]] = {}

    def call(self, method: str, **fields: Any) -> Any:
        """One call of the chat service; its result. Raises OSError."""
        body = json.dumps(fields).encode()
        request = urllib.request.Request(f"{self.url}/{method}", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["result"]

    def answer(self, chat: int, text: str) -> str:
        """What to say to a message, and to remember of it."""
        if text == "/start":
            self.chats.pop(chat, None)
            return "Hello! Ask me something."
        turns = [*self.chats.get(chat, []), {"role": "user", "content": text}][-KEPT:]
        try:
            said = str(self.models.ask_ai(turns, system=SYSTEM, max_tokens=500, timeout=60))
        except InferenceProvidersError as error:
            print(f"chat {chat}: {error}", file=sys.stderr)
            return "Sorry, no model answers right now. Please try again later."
        self.chats[chat] = [*turns, {"role": "assistant", "content": said}]
        return said

    def run(self) -> None:
        """Wait for messages, and answer each."""
        offset = 0
        while True:
            try:
                updates = self.call("getUpdates", offset=offset, timeout=50)
            except urllib.error.HTTPError:  # a wrong token, for one: to wait would not help
                raise
            except OSError as error:
                print(f"The chat service cannot be reached: {error}", file=sys.stderr)
                time.sleep(PAUSE)
                continue
            for update in updates:
                offset = update["update_id"] + 1
                message = update.get("message") or {}
                if "text" in message:
                    chat = message["chat"]["id"]
                    self.call("sendMessage", chat_id=chat, text=self.answer(chat, message["text"]))


if __name__ == "__main__":
    try:
        Bot(os.environ["BOT_URL"], ProviderList()).run()
    except KeyError:
        sys.exit("Set BOT_URL to the address of the bot, such as https://api.telegram.org/bot<token>.")
    except urllib.error.HTTPError as error:
        sys.exit(f"The chat service refuses: {error}")
    except KeyboardInterrupt:
        pass
