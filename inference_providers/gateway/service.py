"""What a gateway holds, and its handlers use: the list of providers in use, settings, callers."""

from __future__ import annotations

import asyncio

from inference_providers import log
from inference_providers.clients import RoutedOptions, options_for
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway.allowed_models import AllowedModels
from inference_providers.gateway.batch_runs import BatchRuns
from inference_providers.gateway.callers import Callers
from inference_providers.gateway.ids import Ids
from inference_providers.gateway.kept_files import KeptFiles
from inference_providers.gateway.kept_responses import KeptResponses
from inference_providers.gateway.metering import Metering
from inference_providers.gateway.metrics import Metrics
from inference_providers.gateway.replies import Replies
from inference_providers.gateway.tiers import Tiers
from inference_providers.gateway.under_way import UnderWay

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
    answers: whether a method and a path are answered, as whoever serves it says.
    """

    def __init__(
        self,
        make_providers: Callable[[], AsyncProviderList],
        settings: Settings,
        callers: Callers | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """*metrics*: where all workers count."""
        self._make, self.settings = make_providers, settings
        self.metrics, self.under_way = metrics or Metrics(), UnderWay()
        self.providers = make_providers()
        self.callers = callers or Callers(self.pipeline.users_environ)
        state = self.pipeline.state
        link = None if state is None else state.link
        self.tiers = Tiers.of(self.pipeline.users_environ, settings.workers, link)
        self._is_metered = False
        self.answers: Callable[[str, str], bool] = lambda method, path: False
        self._use(self.providers)
        self.ids = Ids.of(self.pipeline.users_environ)
        self.replies = Replies.of(self.pipeline.users_environ, link=link)
        self.responses = KeptResponses.of(self.pipeline.users_environ, link)
        self.files = KeptFiles(self.ids, self.pipeline.users_environ)
        self.batches = BatchRuns(self.ids, self.files, self._metered, self.callers.by_id, self.secrets)

    def __repr__(self) -> str:
        return f"<Gateway on {self.settings.host}:{self.settings.port}>"

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of the list in use."""
        return self.providers.pipeline

    def reload(self) -> None:
        """Read registry and keys anew; what is under way ends with the old ones, and refused keys are tried again."""
        self._use(self._make())
        self.pipeline.health.forget_dead()  # also for workers who share what they know

    def _use(self, providers: AsyncProviderList) -> None:
        pipeline = providers.pipeline
        pipeline.finder.takes_paths = False  # whoever asks names models, and no files of this machine
        pipeline.listeners.append(self.metrics.hear)
        self.under_way.attach(pipeline)
        options, allowed = RoutedOptions(*options_for(pipeline, None, None, None, None)), AllowedModels(pipeline.finder)
        if self._is_metered:  # at once: a caller's request may be between two of its calls
            self._put_meter(pipeline, allowed)
        self.providers, self.options, self.allowed = providers, options, allowed
        self.kept: dict[str, Any] = {}

    def meter(self) -> None:
        """Hold calls to what their callers may: from the first caller on, since until then nobody has limits."""
        if not self._is_metered:
            self._is_metered = True
            self._put_meter(self.pipeline, self.allowed)

    def _put_meter(self, pipeline: Pipeline, allowed: AllowedModels) -> None:
        metering = Metering(self.tiers, allowed)
        pipeline.stages.insert(0, metering)  # before those that may answer, and the log
        pipeline.listeners.append(metering.hear)

    def _metered(self) -> AsyncProviderList:
        """The list, for calls that nobody waits for."""
        self.meter()
        return self.providers

    def removals(self) -> list[Callable[[str], object]]:
        """What removes what this process keeps of a caller, by its id."""
        stages: list[Any] = list(self.pipeline.stages)
        stores = [stage.store for stage in stages if hasattr(stage, "store")]
        own = [self.tiers.forget, self.replies.purge, self.responses.purge, self.under_way.forget]
        return [*own, *(store.purge for store in stores)]

    def secrets(self) -> list[str]:
        """The keys of providers, which no reply may hold."""
        if "secrets" not in self.kept:
            self.kept["secrets"] = self.pipeline.secrets()
        found: list[str] = self.kept["secrets"]
        return found

    def reload_or_keep(self) -> None:
        """`reload`; where that fails, go on with what there is, and say why."""
        try:
            self.reload()
        except (InferenceProvidersError, ValueError, OSError) as error:
            log.warn(f"nothing was read anew, and the gateway goes on as before: {error}")

    async def begin(self) -> None:
        """Take up what an earlier process has left."""
        await asyncio.to_thread(self.files.clean)
        await self.batches.resume()

    async def aclose(self) -> None:
        """End what is under way, and close connections."""
        await self.batches.aclose()
        await self.providers.aclose()

    def answered(self, pattern: str, status: int, seconds: float) -> None:
        """Count a reply to a path of this pattern. 499: its client had gone."""
        self.metrics.http(status, pattern, seconds)
