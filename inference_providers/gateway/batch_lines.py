"""The lines of a batch's file, checked before anything is asked: what OpenAI's API would not take is not taken."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.calls import is_id, named_ids
from inference_providers.errors import InvalidRequestError
from inference_providers.gateway.allowed_models import other_models
from inference_providers.gateway.openai_api import FOREIGN, misspelt
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/responses", "/v1/moderations")
_SHOWN = 100  # problems
_LONGEST = 500  # characters of one
_MOST = 200_000  # values of a line that are looked at
# Words by which a request says whom to ask, and how: a batch has no place for them.
_OWN = frozenset(("avoid", "only", "models", "cache", "cache_config")) | chat.PREFERRING

_UNSAID = FOREIGN | _OWN


class Lines:
    """What a file holds: how many requests, of which models (the first line of each; "" for none), what is wrong.

    ids: the ids that its requests name, with their fields.
    """

    def __init__(self, lines: Iterable[bytes], endpoint: str, *, is_bound: bool = False) -> None:
        """*is_bound*: whether its caller may ask some models only, so that no line may tell a provider of others."""
        self._endpoint, self._is_bound = endpoint, is_bound
        self.count = self.size = 0
        self.models: dict[str, int] = {}
        self.ids: dict[tuple[str, str], None] = {}
        self.problems: list[dict[str, Any]] = []
        self._custom_ids: set[str] = set()
        for number, line in enumerate(lines, 1):
            self.size += len(line)
            if line.strip():
                self.count += 1
                if problem := self._problem(line, number):
                    self.report(*problem, line=number)
        if not self.count:
            self.report("empty_file", "The file holds no requests.")

    def report(self, code: str, message: str, parameter: str | None = None, *, line: int | None = None) -> None:
        """One more thing that is wrong."""
        if len(self.problems) < _SHOWN:
            self.problems.append({"code": code, "message": message[:_LONGEST], "param": parameter, "line": line})

    def _problem(self, line: bytes, number: int) -> tuple[str, str, str | None] | None:
        try:
            row = jsontext.in_one_way(line)
            jsontext.check(row)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            return "invalid_json_line", "This line is not a JSON object.", None
        custom, body = row.get("custom_id"), row.get("body")
        if not isinstance(custom, str) or not custom:
            return "missing_required_parameter", "This line has no custom_id.", "custom_id"
        if custom in self._custom_ids:
            return "duplicate_custom_id", f"The custom_id {custom[:80]!r} is another line's already.", "custom_id"
        self._custom_ids.add(custom)
        if row.get("method", "POST") != "POST" or row.get("url", self._endpoint) != self._endpoint:
            return "mismatched_endpoint", f"This line is not a POST to {self._endpoint}, as the batch is.", "url"
        if not isinstance(body, dict):
            return "missing_required_parameter", "This line has no body.", "body"
        return self._body_problem(body, number)

    def _body_problem(self, body: dict[str, Any], number: int) -> tuple[str, str, str | None] | None:
        model = body.get("model", "")
        if not isinstance(model, str):
            return "invalid_model", "A model is named in text.", "body.model"
        if name := misspelt(body):
            return "foreign_field", f"A line of a batch cannot say {name}.", f"body.{name}"
        if self._is_bound and (name := other_models(body)):
            return "foreign_field", f"A line of this key's batches cannot say {name}.", f"body.{name}"
        said = body.keys() & _UNSAID
        said -= {"provider"} if isinstance(body.get("provider"), dict) else set()  # OpenRouter's own
        if said:
            name = min(said)
            return "foreign_field", f"A line of a batch cannot say {name}.", f"body.{name}"
        if self._endpoint == ENDPOINTS[0] and not isinstance(body.get("messages"), list):
            return "missing_required_parameter", "This line's body has no messages.", "body.messages"
        self.models.setdefault(model, number)
        try:
            self.ids.update((named, None) for named in named_ids("", body, _MOST, strict=True) if is_id(named[1]))
        except InvalidRequestError as error:
            return "too_many_values", str(error), "body"
        return None
