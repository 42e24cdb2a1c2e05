"""How who listens comes to a pipeline."""

from __future__ import annotations

from inference_providers.usage import OFF, LogFile, LogSettings, mode_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_providers.calls import Pipeline
    from inference_providers.telemetry.usage_log import UsageLog


def trace(pipeline: Pipeline) -> None:
    """Tell OpenTelemetry of the calls of a pipeline. Raises ImportError without it."""
    from inference_providers.telemetry.otel import OpenTelemetry

    made = OpenTelemetry()
    pipeline.stages.insert(0, made)
    pipeline.listeners.append(made.hear)


def keep_log(
    pipeline: Pipeline, log: str | bool | None, environ: Mapping[str, str], program: str | None = None
) -> UsageLog | None:
    """Log the calls of a pipeline, as *log* or else the environment says; None where nothing is logged.

    environ: the user's, by which the log is found.

    Raises ValueError for a word that is neither `usage`, `text` nor `off`.
    """
    mode = mode_of(log, environ)
    if mode == OFF:
        return None
    settings = LogSettings.of(environ)
    file = None if settings is None else LogFile.of(environ, settings.keep)
    if file is None:
        pipeline.warn_once("calls are not logged: this user has no home folder")
        return None
    from inference_providers.telemetry.usage_log import UsageLog

    made = UsageLog(file, mode, environ, program)
    pipeline.stages.insert(0, made)  # before those that may answer
    pipeline.listeners.append(made.hear)
    return made
