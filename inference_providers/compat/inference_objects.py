"""What a client of the inference API gives: replies, pieces of a stream, reports. Pure."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.errors import InferenceProvidersError

_PARTS = {"usage": "usage", "cost": "cost", "result": "result"}


class Fields:
    """A JSON object whose fields are attributes, as `usage.total_tokens`."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = dict(data)

    def __getattr__(self, name: str) -> Any:
        if name == "data" or name.startswith("__"):
            raise AttributeError(name)
        if name in self.data:
            value = self.data[name]
            return Fields(value) if name in _PARTS and isinstance(value, dict) else value
        if f"{name}_ms" in self.data:  # seconds, of what is told in milliseconds
            value = self.data[f"{name}_ms"]
            return None if value is None else value / 1000
        there = ", ".join(map(str, self.data))
        raise AttributeError(f"this {type(self).__name__.lower()} has no {name!r}; it has {there}")

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def __eq__(self, other: object) -> bool:
        return self.data == (other.data if isinstance(other, Fields) else other)

    __hash__ = None  # type: ignore[assignment]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.data]

    def __repr__(self) -> str:
        return in_line(f"<{type(self).__name__} {self.data!r:.300}>")

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return self.data


class Inference(Fields):
    """One reply, with the API's fields: `id`, `created`, `model`, `provider`, `choices`, `usage`, `cost`.

    In a batch: request_id: the request's id; error: why it failed, None where it did not.
    """

    def __init__(
        self, data: Mapping[str, Any], request_id: str | None = None, error: InferenceProvidersError | None = None
    ) -> None:
        super().__init__(data)
        self.request_id, self.error = request_id, error

    @property
    def content(self) -> str:
        """The text of the reply. Raises the error of a request that failed."""
        if self.error is not None:
            raise self.error
        return chat.reply_text(self.data)

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls that the model wants to be made."""
        return list(chat.message_of(self.data).get("tool_calls") or ())

    def __str__(self) -> str:
        return self.content


class InferenceChunk(Fields):
    """A piece of a stream. The last has `usage` and `cost`; in the others they are None."""

    @property
    def content(self) -> str:
        """The text that it brings."""
        return chat.content_text(chat.first_delta(self.data).get("content"))

    @property
    def usage(self) -> Any:
        """Tokens, in the last piece."""
        value = self.data.get("usage")
        return None if value is None else Fields(value)

    @property
    def cost(self) -> Any:
        """The cost, in the last piece."""
        value = self.data.get("cost")
        return None if value is None else Fields(value)

    @property
    def finish_reason(self) -> str | None:
        """How it ended, in the last piece."""
        reason = chat.first_choice(self.data).get("finish_reason")
        return reason if isinstance(reason, str) else None

    def __str__(self) -> str:
        return self.content


class StoredInference(Fields):
    """What was replied earlier: `status`, `latency_ms`, `result` with `content`, `tokens` and `cost`."""

    @property
    def content(self) -> str:
        """The text of the reply."""
        return str(self.data.get("result", {}).get("content") or "")


class Report(Fields):
    """Sums of a time, or how well a model did: `total_requests`, `avg_latency_ms`, `total_cost`, `success_rate`, ..."""
