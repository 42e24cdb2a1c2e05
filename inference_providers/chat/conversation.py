"""Conversations: messages with roles, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass
class Message:
    """One turn: a role, and text or a list of parts in OpenAI's format (text, images)."""

    role: Role | str
    content: str | list[dict[str, Any]] | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # tool_calls, tool_call_id, name, ...

    def __post_init__(self) -> None:
        try:
            self.role = Role(self.role)
        except ValueError:
            self.role = str(self.role)  # `developer`, and others that some models know

    def as_dict(self) -> dict[str, Any]:
        """In OpenAI's format."""
        return {"role": str(self.role), "content": self.content, **self.extra}

    @classmethod
    def of(cls, value: Message | dict[str, Any]) -> Message:
        """A message, or a dict in OpenAI's format. Raises TypeError for anything else."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict) or "role" not in value:
            raise TypeError(f"a message is a Message or a dict with 'role' and 'content', not {value!r:.80}")
        rest = {name: inner for name, inner in value.items() if name not in ("role", "content")}
        return cls(value["role"], value.get("content"), rest)


@dataclass
class Conversation:
    """Messages in order, with an id and metadata of your own. Messages may be dicts."""

    messages: list[Message] = field(default_factory=list)
    conversation_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.messages = [Message.of(message) for message in self.messages]

    def __getitem__(self, index: int) -> Message:
        return self.messages[index]

    def __len__(self) -> int:
        return len(self.messages)

    def last_message(self, role: Role | str | None = None) -> Message | None:
        """The last message, of *role* if one is given; None without one."""
        return next((m for m in reversed(self.messages) if role is None or m.role == role), None)

    def as_messages(self) -> list[dict[str, Any]]:
        """In OpenAI's format."""
        return [message.as_dict() for message in self.messages]

    def with_message(self, message: Message | dict[str, Any]) -> Conversation:
        """A new conversation with one more message; this one stays as it is."""
        return Conversation([*self.messages, Message.of(message)], self.conversation_id, dict(self.metadata))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `Conversation.of` reads it."""
        row: dict[str, Any] = {"messages": self.as_messages()}
        if self.conversation_id is not None:
            row["conversation_id"] = self.conversation_id
        return {**row, "metadata": self.metadata} if self.metadata else row

    @classmethod
    def of(cls, value: Any) -> Conversation:
        """A conversation, a dict with `messages`, a list of messages, or a text as the user's only message.

        Raises TypeError for anything else.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls([Message(Role.USER, value)])
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            return cls(value["messages"], value.get("conversation_id"), dict(value.get("metadata") or {}))
        if isinstance(value, list):
            return cls(value)
        raise TypeError(
            f"a conversation is a Conversation, a dict with 'messages', or a list of messages, not {value!r:.80}"
        )
