"""What the gateway does not do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Refused(Exception):
    """What the gateway does not do, and says why: a status, words for a person, a code for a program.

    dialect: in which form it is told, where no route says so.
    """

    dialect = "openai"

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.parameter = status, message, code, parameter
        self.headers = dict(headers or {})
