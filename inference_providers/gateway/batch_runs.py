"""Batches that the gateway runs itself: one process works on each, and another takes it up where that one has ended.

How a batch stands is a row of `Ids`, which every worker reads. What it works on is in a folder of its own: the lines,
the results so far, and a lock that ends with the process that holds it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

from inference_providers import log
from inference_providers.errors import InferenceProvidersError
from inference_providers.files import locks
from inference_providers.gateway.batch_results import IN, OUT, cancel_jobs, settle
from inference_providers.gateway.callers import ADMIN, ANYBODY, Caller
from inference_providers.gateway.ids import BATCH, Known
from inference_providers.gateway.metering import Asking, asking
from inference_providers.gateway.refused import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.batches import AsyncBatch
    from inference_providers.clients import AsyncProviderList
    from inference_providers.gateway.ids import Ids
    from inference_providers.gateway.kept_files import KeptFiles

DIRECT, PROVIDER = "direct", "provider"  # how a batch asks: one by one, or by a provider's batch API
ENDED = ("completed", "failed", "expired", "cancelled")
ENDING = {"cancelling": "cancelled"}  # what is to come of a batch that is to end
AT_ONCE = 4  # batches of one process; the others wait for their turn
_LOCK = "lock"
_EVERY = 1.0  # seconds between looks at what others want of a batch
_WINDOW = re.compile(r"([1-9][0-9]{0,2})([hd])")
_MOST_HOURS = 7 * 24
_SLACK = 3600  # seconds for which a provider's batch API is waited for beyond the window that it has been given
UNDER_WAY = 100  # batches of one caller
_MOST_METADATA = 65536  # characters
_OURS = "_"  # before the names of fields that are for the gateway alone


class BatchRuns:
    """The batches of one gateway, in this process."""

    def __init__(
        self,
        ids: Ids,
        files: KeptFiles,
        providers: Callable[[], AsyncProviderList],
        caller_of: Callable[[str], Caller | None],
        secrets: Callable[[], list[str]],
    ) -> None:
        """*providers*: the list that is asked, as it is now. *caller_of*: the caller of an id, whose key is taken.

        *secrets*: what no result may hold.
        """
        self._secrets = secrets
        self._ids, self._files, self._providers, self._caller_of = ids, files, providers, caller_of
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def __repr__(self) -> str:
        return f"<BatchRuns: {len(self._tasks)} under way>"

    def create(self, caller: str, asked: dict[str, Any], count: int, problems: list[Any], mode: str) -> dict[str, Any]:
        """A new batch of what a request has asked for: failed where there are problems, else to be begun.

        Raises Refused where it cannot be kept.
        """
        now, window, metadata = int(time.time()), asked.get("completion_window") or "24h", asked.get("metadata")
        hours = _hours(window)
        if len(_json(metadata)) > _MOST_METADATA or not isinstance(metadata, dict | None):
            raise Refused(400, "metadata is an object, and not a large one.", "invalid_value", parameter="metadata")
        if not problems:
            self._check_number(caller)
        batch = {
            "id": f"batch_{secrets.token_hex(12)}",
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": {"object": "list", "data": problems} if problems else None,
            "input_file_id": asked["input_file_id"],
            "completion_window": window,
            "status": "failed" if problems else "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": now,
            **dict.fromkeys(
                (
                    "in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at",
                    "cancelled_at",
                )
            ),
            "expires_at": now + hours * 3600,
            "request_counts": {"total": count, "completed": 0, "failed": 0},
            "metadata": metadata,
            "_mode": mode,
            "_caller": caller,
        }  # fmt: skip
        if problems:
            batch["failed_at"] = now
        else:
            self._place(batch["id"], asked["input_file_id"])
        row = Known(batch["id"], "", "", caller, now, BATCH, expires=now + self._files.days * 86400)
        row.data = _json(batch)
        if not self._ids.keep(row, self._files.most_bytes):
            raise Refused(503, "No batch can be kept here: the list of batches cannot be written.", "no_storage")
        return batch

    def _check_number(self, caller: str) -> None:
        under_way = sum(
            row.is_ours and row.object.get("status") not in ENDED for row in self._ids.listed(BATCH, caller)
        )
        if under_way >= UNDER_WAY:
            raise Refused(429, f"{under_way} batches of yours are under way: wait for some to end.", "too_many_batches")

    def _place(self, batch: str, file: str) -> None:
        """Give a batch its lines: a name of its own for them, which stays when the file is deleted."""
        import shutil

        try:
            place = os.path.join(self._files.work_folder(batch), IN)
            try:
                os.link(self._files.path(file), place)
            except OSError:
                shutil.copyfile(self._files.path(file), place)
        except OSError as error:
            raise Refused(503, f"The file cannot be read: {error.strerror}.", "no_storage") from None

    async def resume(self) -> None:
        """Go on with all that have not ended, and that nobody works on."""
        for row in await asyncio.to_thread(self._ids.listed, BATCH, None):
            if row.is_ours and row.object.get("status") not in ENDED:
                self.start(row.id)

    def start(self, batch: str) -> None:
        """Work on a batch, unless it is worked on."""
        if batch not in self._tasks:
            self._wake[batch] = asyncio.Event()
            self._tasks[batch] = asyncio.create_task(self._work(batch))

    async def cancel(self, batch: str) -> dict[str, Any] | None:
        """Ask for a batch's end; how it is then. None for one that is not known."""

        def change(said: dict[str, Any]) -> dict[str, Any]:
            if said["status"] in ENDED:
                why = f"This batch is {said['status']} already."
                raise Refused(409, why, "batch_ended", parameter="batch_id", headers={"x-should-retry": "false"})
            return {**said, "status": "cancelling", "cancelling_at": said["cancelling_at"] or int(time.time())}

        found = await asyncio.to_thread(self._ids.update, batch, change)
        if found is not None:
            self.start(batch)
            if batch in self._wake:
                self._wake[batch].set()
        return found

    async def aclose(self) -> None:
        """Stop working; what is not done is taken up by the next process."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, batch: str) -> None:
        lock, turn = -1, asyncio.ensure_future(self._turns.acquire())
        wake = asyncio.ensure_future(self._wake[batch].wait())
        try:
            await asyncio.wait((turn, wake), return_when=asyncio.FIRST_COMPLETED)  # to be ended takes no turn
            lock = await asyncio.to_thread(self._locked, batch)
            if lock >= 0:
                await self._run(batch)
        except Exception as error:  # noqa: BLE001  (a defect of ours: the batch says so, and the gateway lives)
            log.warn(f"the batch {batch} ended: {type(error).__name__}")
            await asyncio.to_thread(self._fail, batch, error)
        finally:
            wake.cancel()
            if not turn.cancel() and not turn.cancelled():
                self._turns.release()
            if lock >= 0:
                os.close(lock)
            self._tasks.pop(batch, None)
            self._wake.pop(batch, None)

    def _locked(self, batch: str) -> int:
        """An open file that is locked as long as this process works on the batch; -1 where another process does."""
        path = os.path.join(self._files.work_folder(batch), _LOCK)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if locks.take(file):
            return file
        os.close(file)
        return -1

    async def _run(self, batch: str) -> None:
        said = await asyncio.to_thread(self._ids.update, batch, _begun)
        if said is None:
            return
        folder = self._files.work_folder(batch)
        try:
            status, problem = ENDING.get(said["status"], "") or self._begin_asking(said["_caller"]), None
        except OSError:  # nobody knows now whose it is: it stays as it is, and is begun when it is looked at again
            return
        if not status:
            status, problem = await self._asked(batch, said, folder)
        if status != "completed" and said["_mode"] == PROVIDER:
            await cancel_jobs(self._providers(), folder)
        if problem is None:
            await asyncio.to_thread(self._ids.update, batch, lambda now: {**now, "finalizing_at": int(time.time())})
        await asyncio.to_thread(settle, self._files, self._ids, said, status, problem, self._secrets())

    def _begin_asking(self, id: str) -> str:
        """Have what this task asks be asked by a caller, within its models and its budget; limits by the minute do not
        count here. How the batch ends at once where its key is not taken any more. Raises OSError.
        """
        asking.set(None)
        if id == ADMIN.id:
            return ""
        caller = ANYBODY if id == ANYBODY.id else self._caller_of(id)
        if caller is not None:
            asking.set(Asking(_without_rates(caller)))
        return "cancelled" if caller is None else ""

    def _still_asks(self, id: str) -> bool:
        """Whether a caller's key is taken still; from now on its models and its budget are what they are now."""
        if (one := asking.get()) is None or id == ANYBODY.id:
            return True
        try:
            caller = self._caller_of(id)
        except OSError:  # as long as nobody can tell
            return True
        if caller is not None:
            one.caller = _without_rates(caller)
        return caller is not None

    async def _asked(self, batch: str, said: dict[str, Any], folder: str) -> tuple[str, Exception | None]:
        """Ask all that was not answered yet: how the batch has ended, and by which error, if by one."""
        out = os.path.join(folder, OUT)
        os.close(os.open(out, os.O_WRONLY | os.O_CREAT, 0o600))
        left = max(60.0, said["expires_at"] - time.time())
        options: Any = {"out": out, "resume": True, "mode": said["_mode"], "progress": False, "patience": left}
        until = said["expires_at"] + (_SLACK if said["_mode"] == PROVIDER else 0)
        made = self._providers().batch(Path(folder, IN), **options)
        work = asyncio.ensure_future(_awaited(made))
        try:
            while not work.done():
                status = await self._looked(batch, made, work, until)
                if status:
                    return status, None
            work.result()
        except (InferenceProvidersError, ValueError, OSError) as error:
            return "failed", error
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await work
        return "completed", None

    async def _looked(self, batch: str, made: AsyncBatch, work: asyncio.Future[None], expires: float) -> str:
        """Wait a little and say how far it is; how it is to end, where it is to end now."""
        wake = asyncio.ensure_future(self._wake[batch].wait())
        try:
            await asyncio.wait((work, wake), timeout=_EVERY, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
        counts = made.summary
        done = {"completed": counts.answered + counts.resumed, "failed": counts.failed + counts.malformed}

        def change(now: dict[str, Any]) -> dict[str, Any]:
            before = now["request_counts"]
            return {
                **now,
                "request_counts": {**before, **done, "completed": max(done["completed"], before["completed"])},
            }

        said = await asyncio.to_thread(self._ids.update, batch, change)
        if said is None:
            return "cancelled" if await asyncio.to_thread(self._ids.is_gone, batch) else ""
        if work.done():
            return ""
        if not self._still_asks(said["_caller"]):
            return "cancelled"
        return ENDING.get(said["status"], "") or ("expired" if time.time() > expires else "")

    def _fail(self, batch: str, error: Exception) -> None:
        def change(said: dict[str, Any]) -> dict[str, Any]:
            data = [{"code": "internal_error", "message": type(error).__name__, "param": None, "line": None}]
            return {
                **said,
                "status": "failed",
                "failed_at": int(time.time()),
                "errors": {"object": "list", "data": data},
            }

        self._ids.update(batch, change)


def _without_rates(caller: Caller) -> Caller:
    return Caller(caller.id, caller.name, caller.models, budget=caller.budget)


def _hours(window: Any) -> int:
    """A completion window in hours. Raises Refused."""
    found = _WINDOW.fullmatch(window) if isinstance(window, str) else None
    hours = int(found[1]) * (24 if found[2] == "d" else 1) if found else 0
    if not 0 < hours <= _MOST_HOURS:
        raise Refused(
            400, "completion_window is like 24h or 2d, and a week at most.", "invalid_value",
            parameter="completion_window",
        )  # fmt: skip
    return hours


def public(said: dict[str, Any]) -> dict[str, Any]:
    """What whoever made a batch sees of it."""
    return {name: value for name, value in said.items() if not name.startswith(_OURS)}


def _begun(said: dict[str, Any]) -> dict[str, Any] | None:
    if said["status"] in ENDED:
        return None
    if said["status"] == "cancelling":
        return said
    return {**said, "status": "in_progress", "in_progress_at": said["in_progress_at"] or int(time.time())}


async def _awaited(batch: AsyncBatch) -> None:
    await batch


def _json(value: Any) -> str:
    import json

    return json.dumps(value)  # in ASCII: half a character may be in it, which no file takes
