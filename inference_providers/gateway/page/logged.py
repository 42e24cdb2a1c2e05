"""The usage log as pages have it: whether calls are logged, where, and what callers are called."""

from __future__ import annotations

from inference_providers.gateway.page.frame import notice
from inference_providers.rendering import tag
from inference_providers.telemetry import UsageLog
from inference_providers.usage import LogFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.service import Gateway
    from inference_providers.rendering import Markup

ADMINISTRATOR = "administrator"


def is_logged(gateway: Gateway) -> bool:
    """Whether calls are logged now."""
    return any(isinstance(stage, UsageLog) for stage in gateway.pipeline.stages)


def log_of(gateway: Gateway) -> LogFile | None:
    """The log of this user, whether or not calls go into it now; None without a home folder."""
    return LogFile.of(gateway.pipeline.users_environ)


def how_to_log(gateway: Gateway) -> Markup | None:
    """What to say where calls are not logged: how that is changed."""
    if is_logged(gateway):
        return None
    return notice(
        tag("p", tag("strong", "Calls are not logged now, so nothing new comes here.")),
        tag("p", tag("code", "inference-providers logs on"), " turns the log on, without texts; then end and start ",
            tag("code", "inference-providers serve"), ", or send it SIGHUP. The variable ",
            tag("code", "INFERENCE_PROVIDERS_LOG"), " counts over that: it must not be ", tag("code", "off"), "."),
        kind="warn",
    )  # fmt: skip


def caller_names(gateway: Gateway) -> dict[str, str]:
    """What callers are called, by their ids; the administrator by an empty one. Who was purged has no name."""
    try:
        names = {one.id: one.name for one in gateway.callers.list()}
    except OSError:
        names = {}
    return {"": ADMINISTRATOR, **names}
