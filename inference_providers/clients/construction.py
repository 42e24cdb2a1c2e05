"""How a list's options become its pipeline. Raises what is wrong with them at once, and clearly."""

from __future__ import annotations

import os
import sys

from inference_providers.calls import LAUNCH, Finder, Pipeline
from inference_providers.chat import check_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.testing import StandIn


def pipeline_of(
    *,
    environ: Mapping[str, str] | None,
    local: bool | str,
    timeout: float,
    hedge_after: float | str | None,
    aliases: Mapping[str, str] | None,
    mock: Mapping[str, Any] | None,
    finding: dict[str, Any],
    calling: dict[str, Any],
) -> Pipeline:
    """A pipeline over these providers: *finding* are further options of its `Finder`, *calling* of its calls."""
    _check(timeout, hedge_after, environ, aliases)
    if local not in (True, False, LAUNCH):
        raise ValueError(f'local must be True, False or "{LAUNCH}", not {local!r}')
    stand_in = _stand_in(mock)
    if stand_in is not None:
        environ = stand_in.environ(os.environ if environ is None else environ)
        registry = stand_in.registry()
        if registry is not None:
            local, finding = False, {**finding, "json_override": registry, "auto_update": False}
    finder = Finder(environ=environ, local=local, aliases=aliases, **finding)
    return Pipeline(finder, timeout=timeout, hedge_after=hedge_after, stand_in=stand_in, **calling)


def _stand_in(mock: Mapping[str, Any] | None) -> StandIn | None:
    """What answers instead of providers: these replies, or what a test has put in place."""
    if mock is None:
        if "inference_providers.testing.stand_in" not in sys.modules:
            return None  # whoever puts one in place loads the module
        from inference_providers.testing import stand_in

        return stand_in.active
    from inference_providers.testing import Mock

    return Mock(mock)


def _check(timeout: Any, hedge_after: Any, environ: Any, aliases: Any) -> None:
    """Raise for options that would only fail later, and less clearly."""
    check_timeout(0 if timeout is None else timeout)
    if (
        hedge_after is not None
        and hedge_after != "p95"
        and not (isinstance(hedge_after, int | float) and hedge_after > 0)
    ):
        raise ValueError(f'hedge_after must be a number of seconds above 0, or "p95", not {hedge_after!r}')
    if environ is not None and not hasattr(environ, "items"):
        raise TypeError("environ must be a mapping of variables to values, like os.environ")
    if aliases is not None and not hasattr(aliases, "items"):
        raise TypeError('aliases must be a mapping, like {"work": "gpt-4o"}')
