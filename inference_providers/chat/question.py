"""A question: messages, parameters, tools, the schema of the answer. Pure."""

from __future__ import annotations

from inference_providers.chat import completion, parameters
from inference_providers.chat.arguments import MAX_STEPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.chat.structured import OutputSchema
    from inference_providers.chat.tools import Toolbox


class Question:
    """A question: messages, the request's other fields, tools, the schema of the answer.

    *fields* are generation parameters in any tool's words; *extra* goes into the request unchanged. *split_thinking*:
    whether thoughts between tags at the beginning of an answer are told from it; None leaves that to the list. *cache*:
    what it says of a cache of replies; None leaves that to the list as well.
    Raises TypeError and ValueError for what cannot be asked.
    """

    def __init__(
        self,
        turns: Sequence[Mapping[str, Any]],
        fields: Mapping[str, Any],
        *,
        schema: Any = None,
        extra: Mapping[str, Any] | None = None,
        max_steps: int = MAX_STEPS,
        on_unsupported: str = parameters.DROP,
        split_thinking: bool | None = None,
        cache: Mapping[str, Any] | bool | None = None,
    ) -> None:
        if on_unsupported not in parameters.MODES:
            raise ValueError(f'on_unsupported must be "drop" or "error", not {on_unsupported!r}')
        if not isinstance(max_steps, int) or max_steps < 1:
            raise ValueError(f"max_steps must be a whole number, 1 or more, not {max_steps!r}")
        self.turns, self.max_steps, self.on_unsupported = completion.copies(turns), max_steps, on_unsupported
        if split_thinking not in (None, True, False):
            raise ValueError(f"split_thinking must be True or False, not {split_thinking!r}")
        self.split_thinking, self.cache = split_thinking, cache
        self.preferences: Any = None  # `routing.Preferences`: whom to ask, for how much
        self.caller = ""  # on whose behalf it is asked, where a program serves several
        if isinstance(fields.get("response_format"), type):  # as users of the SDK write it
            fields, schema = {**fields, "response_format": None}, schema or fields["response_format"]
        self.fields = parameters.normalise(fields) if fields else {}
        self.tools: Toolbox | None = None
        if self.fields.get("tools"):
            from inference_providers.chat.tools import Toolbox

            self.tools = Toolbox(self.fields["tools"])
            self.fields["tools"] = self.tools.schemas
        response_format = self.fields.get("response_format")
        self.output_schema: OutputSchema | None = None
        if schema is not None:
            if response_format is not None:
                raise ValueError("schema and response_format say the same thing; give one of them")
            from inference_providers.chat.structured import OutputSchema

            self.output_schema = OutputSchema(schema)
            self.fields["response_format"] = self.output_schema.response_format
        self.extra = dict(extra or {})
        if "stream" in self.extra:
            raise ValueError("extra_body cannot turn on streaming; ask with stream=True")

    def body(self, turns: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """A request for a reply to *turns*, without the model."""
        turns = self.turns if turns is None else list(turns)
        fields = self.fields
        if len(turns) > len(self.turns) and fields.get("tool_choice") not in (None, "none"):
            # a call that is demanded is demanded once: otherwise there would never be an answer
            fields = {**fields, "tool_choice": "auto"}
        return {"messages": turns, **fields, **self.extra}

    def streamed(self) -> dict[str, Any]:
        """A request for a stream of text. Raises ValueError if a schema or tools need whole replies."""
        if self.output_schema is not None or self.tools is not None:
            raise ValueError("a stream gives text as it arrives; with schema or tools, ask without stream")
        return {**self.body(), "stream": True, "stream_options": parameters.WITH_USAGE}
