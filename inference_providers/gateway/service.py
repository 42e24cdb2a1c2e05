"""What a gateway holds, and its handlers use: the list of providers in use, settings, callers."""

from __future__ import annotations

import time

from inference_providers.clients import RoutedOptions, options_for
from inference_providers.gateway.callers import Callers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.clients import AsyncProviderList
    from inference_providers.gateway.settings import Settings


class Gateway:
    """One list of providers, and who may use it.

    make_providers: makes the list, at the start and for each `reload`. kept: what handlers keep until the next reload.
    """

    def __init__(
        self, make_providers: Callable[[], AsyncProviderList], settings: Settings, callers: Callers | None = None
    ) -> None:
        self._make, self.settings = make_providers, settings
        self.callers = callers or Callers()
        self.started = time.time()
        self.reload()

    def __repr__(self) -> str:
        return f"<Gateway on {self.settings.host}:{self.settings.port}>"

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of the list in use."""
        return self.providers.pipeline

    def reload(self) -> None:
        """Read registry and keys anew; what is under way ends with the old ones, and refused keys are tried again."""
        self.providers = self._make()
        self.options = RoutedOptions(*options_for(self.pipeline, None, None, None, None))
        self.kept: dict[str, Any] = {}

    def answered(self, pattern: str, status: int, seconds: float) -> None:
        """Count a reply to a path of this pattern. 499: its client had gone."""
