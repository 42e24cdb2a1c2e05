"""All that is kept of a caller, removed: its key, calls in the log, replies, responses, files, what it spent.

On this machine, and in the Redis that its gateways share: another machine's files and usage log are its own.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inference_providers.gateway.callers import Caller, Callers

    Removal = Callable[[str], object]


def purge(callers: Callers, name: str, environ: Mapping[str, str], also: Sequence[Removal] = ()) -> Caller:
    """Remove a caller with all that is kept of it, so that nothing of it is left in any file, or in the Redis that
    INFERENCE_PROVIDERS_STATE names.

    *also*: what a running gateway keeps beside the user's files; each is given the caller's id. Its key goes first, so
    that nothing new comes, and its row last, so that it can be done again where something could not be removed.

    Raises UnknownCallerError and OSError.
    """
    from inference_providers.cache import user_store
    from inference_providers.gateway.ids import Ids
    from inference_providers.gateway.kept_files import KeptFiles
    from inference_providers.gateway.kept_responses import KeptResponses
    from inference_providers.gateway.replies import Replies
    from inference_providers.gateway.several import forget_shared
    from inference_providers.gateway.shared_windows import SharedWindows
    from inference_providers.gateway.spending import Spending
    from inference_providers.state import shared_link
    from inference_providers.usage import LogFile

    caller = callers.revoke(name)
    log = LogFile.of(environ)
    if log is not None and not log.purge(caller.id):
        raise OSError(0, log.database.fault, log.path)
    if (store := user_store(environ)) is not None:
        store.purge(caller.id)
        if store.base.fault:
            raise OSError(0, store.base.fault, store.base.path)
    Replies.of(environ).purge(caller.id)
    KeptResponses.of(environ).purge(caller.id)
    if (link := shared_link(environ)) is not None:
        forget_shared(link, caller.id)
    if (windows := SharedWindows.of(environ)) is not None:
        windows.forget(caller.id)
    Spending.of(environ).forget(caller.id)
    KeptFiles(Ids.of(environ), environ).purge(caller.id)
    for removal in also:
        removal(caller.id)
    return callers.remove(name)
