"""Conversations: messages with roles, as values. Pure, but for pictures in files, which are read when they are sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from inference_providers.chat.conversation_fields import beside
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inference_providers.chat.content_items import ContentItem

_FIELDS = ("id", "tool_calls", "tool_call_id", "reasoning_content")  # of `extra`, as arguments of their own


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class FinishReason(StrEnum):
    """Why a model stopped: values of `metadata["finish_reason"]`."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(init=False)
class Message:
    """One turn: a role, and text or a list of parts.

    Args:
        role: Who speaks: "system", "user", "assistant", "tool".
        content: A text; or parts: `ContentItem`s, or dicts in the form of those or in OpenAI's format.
        extra: Whatever else the turn has (`name`, ...).
        id: Your own, and never sent.
        tool_calls: The calls that a model asks for, in OpenAI's format.
        tool_call_id: Which call a tool's turn is the result of.
        reasoning_content: The thoughts that a model has shown.
        provider: Who gave it; another provider gets less of it back.
    """

    role: Role | str
    content: str | list[Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    provider: str | None = field(default=None, repr=False, compare=False)  # that gave it: what another gets is less

    def __init__(
        self,
        role: Role | str,
        content: str | Sequence[ContentItem | Mapping[str, Any]] | None = None,
        extra: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        tool_calls: Sequence[Mapping[str, Any]] | None = None,
        tool_call_id: str | None = None,
        reasoning_content: str | None = None,
        provider: str | None = None,
    ) -> None:
        try:
            self.role = Role(role)
        except ValueError:
            self.role = str(role)  # `developer`, and others that some models know
        self.content = content if isinstance(content, str | None) else _as_parts(content)
        self.extra, self.provider = dict(extra or {}), provider
        calls = None if tool_calls is None else list(tool_calls)
        for name, value in zip(_FIELDS, (id, calls, tool_call_id, reasoning_content), strict=True):
            if value is not None:
                self.extra[name] = value

    @property
    def id(self) -> str | None:
        """Your own id of it."""
        return self.extra.get("id")

    @property
    def tool_calls(self) -> list[dict[str, Any]] | None:
        """The calls that a model asks for, in the standard form."""
        return self.extra.get("tool_calls")

    @property
    def tool_call_id(self) -> str | None:
        """Which call a tool's turn is the result of."""
        return self.extra.get("tool_call_id")

    @property
    def reasoning_content(self) -> str | None:
        """The thoughts that a model has shown."""
        return self.extra.get("reasoning_content")

    @property
    def content_items(self) -> list[ContentItem]:
        """The content as items; of a text, the only one."""
        from inference_providers.chat.content_items import items_of

        return items_of(self.content)

    @property
    def text_content_items(self) -> list[ContentItem]:
        """Those of `content_items` that are text."""
        return [item for item in self.content_items if item.is_text()]

    @property
    def image_content_items(self) -> list[ContentItem]:
        """Those of `content_items` that are pictures."""
        return [item for item in self.content_items if item.is_image()]

    def contains_images(self) -> bool:
        """Whether there is a picture in it."""
        return bool(self.image_content_items)

    def contains_text(self) -> bool:
        """Whether there is a text in it."""
        return bool(self.text_content_items)

    def compute_flattened_text_content(self, separator: str = " ") -> str:
        """All its texts as one.

        Args:
            separator: What stands between them.

        Returns:
            The text.
        """
        return separator.join(item.content or "" for item in self.text_content_items)

    def as_dict(self) -> dict[str, Any]:
        """In OpenAI's format, as it is sent.

        Returns:
            The turn.

        Raises:
            ValueError: A picture cannot be read.
        """
        content = self.content
        if isinstance(content, list):
            from inference_providers.chat.content_items import sent

            content = [sent(part) for part in content]
        rest = {name: value for name, value in self.extra.items() if name != "id"}
        turn = {"role": str(self.role), "content": content, **rest}
        if self.provider is None:
            return turn
        from inference_providers.chat.turns import Turn

        given = Turn(turn)
        given.provider = self.provider
        return given

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `Message.of` reads it.

        Returns:
            The role, the content and the rest.
        """
        return {"role": str(self.role), "content": self.content, **self.extra}

    @classmethod
    def of(cls, value: Message | Mapping[str, Any]) -> Message:
        """A message of whatever stands for one.

        Args:
            value: A message, or a dict in OpenAI's format.

        Returns:
            The message.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict) or "role" not in value:
            raise TypeError(f"a message is a Message or a dict with 'role' and 'content', not {value!r:.80}")
        rest = {name: inner for name, inner in value.items() if name not in ("role", "content")}
        return cls(value["role"], value.get("content"), rest, provider=getattr(value, "provider", None))


@dataclass
class Conversation:
    """Messages in order, with an id and metadata of your own.

    Args:
        messages: The messages, which may be dicts in OpenAI's format.
        conversation_id: Your own id of it.
        metadata: What else you want to keep with it; never sent.
        tools: What a model may call in this conversation: descriptions in OpenAI's format. A Python function becomes
            its description, and is not called.

    Raises:
        TypeError: A message is neither a `Message` nor a dict.
    """

    messages: list[Message] = field(default_factory=list)
    conversation_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tools: list[dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        self.messages = [Message.of(message) for message in self.messages]
        if self.tools is not None:
            from inference_providers.chat.tools import Toolbox

            self.tools = Toolbox(self.tools).schemas

    def __getitem__(self, index: int) -> Message:
        return self.messages[index]

    def __len__(self) -> int:
        return len(self.messages)

    def first_message(self, role: Role | str | None = None) -> Message | None:
        """The first message.

        Args:
            role: Only of this role.

        Returns:
            The message, None without one.
        """
        return next(iter(self.filter_messages(role=role)), None)

    def last_message(self, role: Role | str | None = None) -> Message | None:
        """The last message.

        Args:
            role: Only of this role.

        Returns:
            The message, None without one.
        """
        return next(reversed(self.filter_messages(role=role)), None)

    def filter_messages(
        self, role: Role | str | None = None, filter_fn: Callable[[Message], bool] | None = None
    ) -> list[Message]:
        """Some of the messages; without arguments, all.

        Args:
            role: Only of this role.
            filter_fn: Only those for which it is true.

        Returns:
            The messages, in order.
        """
        wanted = [message for message in self.messages if role is None or message.role == role]
        return [message for message in wanted if filter_fn is None or filter_fn(message)]

    def as_messages(self) -> list[dict[str, Any]]:
        """In OpenAI's format, as they are sent.

        Returns:
            The messages.

        Raises:
            ValueError: A picture cannot be read.
        """
        return [message.as_dict() for message in self.messages]

    def with_message(self, message: Message | dict[str, Any]) -> Conversation:
        """A new conversation with one more message; this one stays as it is.

        Args:
            message: A message, or a dict in OpenAI's format.

        Returns:
            The new conversation.

        Raises:
            TypeError: It is neither.
        """
        return Conversation(
            [*self.messages, Message.of(message)], self.conversation_id, dict(self.metadata), self.tools
        )

    def append_id_to_string(self, s: str) -> str:
        """A text, and after it which conversation it is about, if this one has an id.

        Args:
            s: The text.

        Returns:
            Both.
        """
        if not self.conversation_id:
            return s
        return f"{s.strip()} Conversation id: {self.conversation_id}.".lstrip()

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `Conversation.of` reads it.

        Returns:
            The messages, and the id, metadata and tools if there are any.
        """
        row: dict[str, Any] = {"messages": [message.to_dict() for message in self.messages]}
        if self.conversation_id is not None:
            row["conversation_id"] = self.conversation_id
        if self.metadata:
            row["metadata"] = self.metadata
        return {**row, "tools": self.tools} if self.tools is not None else row

    def to_json(self) -> str:
        """As one line of JSON.

        Returns:
            The line.

        Raises:
            TypeError: Metadata are nothing that JSON has.
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Conversation:
        """A conversation as `to_dict` gave it.

        Args:
            data: The dict.

        Returns:
            The conversation.

        Raises:
            TypeError: It is anything else.
        """
        if not isinstance(data, dict):
            raise TypeError(f"a conversation is a dict with 'messages', not {data!r:.80}")
        return cls.of(data)

    @classmethod
    def from_json(cls, data: str | bytes) -> Conversation:
        """A conversation as `to_json` gave it.

        Args:
            data: The JSON.

        Returns:
            The conversation.

        Raises:
            ValueError: It is not JSON.
            TypeError: It is other JSON.
        """
        return cls.from_dict(jsontext.loads(data))

    @classmethod
    def of(cls, value: Any) -> Conversation:
        """A conversation of whatever stands for one.

        Args:
            value: A conversation, a dict with `messages`, a list of messages, or a text as the user's only message.
                What a dict has beside becomes metadata.

        Returns:
            The conversation.

        Raises:
            TypeError: It is anything else, or has a field of a request (`temperature`, `tool_choice`, ...).
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls([Message(Role.USER, value)])
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            own_id = value.get("conversation_id")
            metadata = {**beside(value), **(value.get("metadata") or {})}
            return cls(value["messages"], None if own_id is None else str(own_id), metadata, value.get("tools"))
        if isinstance(value, list):
            return cls(value)
        raise TypeError(
            f"a conversation is a Conversation, a dict with 'messages', or a list of messages, not {value!r:.80}"
        )


def _as_parts(content: Any) -> Any:
    """Parts of a message as plain values. Anything else stays, for whoever it is sent to."""
    if not isinstance(content, list | tuple):
        return content
    return [part.to_dict() if hasattr(part, "to_dict") else part for part in content]
