"""Keys that were refused where another provider answered: said in one line each, since somebody wants to mend them."""

from __future__ import annotations

from inference_providers.calls import RefusedKeyListener
from inference_providers.cli.output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.clients import AsyncProviderList, ProviderList


class RefusedKeys(RefusedKeyListener):
    """Listens to the calls of a provider list. Each key is said once; none where nobody answered: the error has it."""

    def __init__(self, providers: ProviderList | AsyncProviderList) -> None:
        super().__init__()
        self._accesses = providers.pipeline.finder.accesses
        self._lines: dict[str, str] = {}  # provider -> what to say, empty once it was said
        providers.pipeline.listeners.append(self)

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
