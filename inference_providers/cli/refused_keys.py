"""Keys that were refused where another provider answered: said in one line each, since somebody wants to mend them."""

from __future__ import annotations

from inference_providers.calls import AttemptFinished, CallFinished
from inference_providers.cli.output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import Event
    from inference_providers.clients import AsyncProviderList, ProviderList


class RefusedKeys:
    """Listens to the calls of a provider list. Each key is said once; none where nobody answered: the error has it."""

    def __init__(self, providers: ProviderList | AsyncProviderList) -> None:
        self._accesses = providers.pipeline.finder.accesses
        self._refused: dict[str, int | None] = {}  # provider -> status
        self._lines: dict[str, str] = {}  # provider -> what to say, empty once it was said
        providers.pipeline.listeners.append(self)

    def __call__(self, event: Event) -> None:
        """Take notice of an attempt, or of a call that is over.

        One question may take several calls: servers on this machine are asked when nobody with a key has answered.
        """
        if isinstance(event, AttemptFinished) and event.outcome == "AuthenticationError":
            self._refused.setdefault(event.provider, event.status)
        elif isinstance(event, CallFinished) and event.outcome == "ok" and event.provider is not None:
            for provider, status in list(self._refused.items()):
                if provider != event.provider:
                    self.refused_elsewhere(provider, status, event.provider)

    def refused_elsewhere(self, provider: str, status: int | None, other: str) -> None:
        """Take notice of a key that was refused, here or on a machine of a batch, and of who answered instead."""
        self._lines.setdefault(provider, self._told(provider, status, other))

    def _told(self, provider: str, status: int | None, other: str) -> str:
        variable = self._accesses[provider].variable
        what = f"refused the key in {variable}" if variable else "refused the key"
        return f"{provider} {what}{f' (HTTP {status})' if status else ''}; {other} answered instead"

    def tell(self) -> None:
        """Say on standard error what was not said yet."""
        for provider, line in list(self._lines.items()):
            if line:
                say(line, err=True)
                self._lines[provider] = ""
