"""Folders: where they are, and that nothing of what others can write is believed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inference_providers import AllProvidersFailedError, ProviderList
from inference_providers.files import folders, locks
from inference_providers.registry.registry import bundled
from inference_providers.servers import state as server_state
from inference_providers.servers import stopping
from inference_providers.servers.launchables import Launchables
from inference_providers.testing import tiny_model
from tests.conftest import ROOT, places
from tests.servers import Server
from tests.test_launch import a_list, cli, nothing_is_left, running

__all__ = ["nothing_is_left"]  # a fixture: a home without models, and no server after a test
Serve = Callable[..., Server]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
STRANGER = 54321  # a user whom the system does not know


@pytest.fixture
def model(tmp_path: Path) -> str:
    return tiny_model.write(str(tmp_path / "tiny.gguf"))


@pytest.fixture(autouse=True)
def told_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_warned", set())


def given_to(path: Path, uid: int, mode: int | None = None) -> None:
    """Give a folder to somebody, with all that is in it."""
    for place in (path, *path.rglob("*")):
        os.lchown(place, uid, -1)
    if mode is not None:
        path.chmod(mode)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder below another, both the user's alone."""
    path = tmp_path / "above" / "own"
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o755)
    return path


# What is believed


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o500, 0o770, 0o775, 0o2775])
def test_what_only_the_user_can_write_is_believed(place: Path, mode: int) -> None:
    """Their primary group is theirs alone, where the system lists nobody else in it."""
    os.chown(place, -1, os.getegid())
    place.chmod(mode)
    assert folders.distrust(str(place)) == ""


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o702, 0o1777, 0o2777])
@pytest.mark.parametrize("which", ["own", "above"])
def test_what_everybody_can_write_is_not(place: Path, mode: int, which: str) -> None:
    changed = place if which == "own" else place.parent
    changed.chmod(mode)
    said = folders.distrust(str(place))
    if which == "above" and mode & stat.S_ISVTX:
        assert said == "", "as in /tmp, where nobody can replace what is another's"
    else:
        assert said == f"{changed} can be written by everybody; `chmod go-w {changed}` changes that"


@as_root
def test_what_another_group_can_write_is_not(place: Path) -> None:
    os.chown(place, -1, STRANGER)
    place.chmod(0o770)
    assert "a group that others may be in; `chmod g-w" in folders.distrust(str(place))
    place.chmod(0o750)
    assert folders.distrust(str(place)) == ""


def test_what_an_access_list_lets_others_write_is_not(place: Path) -> None:
    """The mode shows the most that the list allows as that of the group."""
    entries = [
        (0x01, 7, 0xFFFFFFFF),
        (0x02, 7, STRANGER),
        (0x04, 5, 0xFFFFFFFF),
        (0x10, 7, 0xFFFFFFFF),
        (0x20, 0, 0xFFFFFFFF),
    ]
    value = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + allowed.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, allowed, who in entries
    )
    try:
        os.setxattr(place, "system.posix_acl_access", value)
    except (AttributeError, OSError):
        pytest.skip("no access lists here")
    assert "a group that others may be in" in folders.distrust(str(place))


@as_root
@pytest.mark.parametrize("which", ["own", "above"])
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o1777])
def test_what_belongs_to_another_user_is_not(place: Path, which: str, mode: int) -> None:
    changed = place if which == "own" else place.parent
    os.chown(changed, STRANGER, -1)
    changed.chmod(mode)
    assert folders.distrust(str(place)) == f"{changed} belongs to uid {STRANGER}; `chown 0 {changed}` changes that"


def test_links_are_followed_and_their_own_way_counts(place: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(place)
    assert folders.distrust(str(link)) == ""
    place.parent.chmod(0o777)
    assert f"{place.parent} can be written" in folders.distrust(str(link))
    place.parent.chmod(0o755)
    common = tmp_path / "common"
    common.mkdir()
    common.chmod(0o777)
    (common / "link").symlink_to(place)
    assert f"{common} can be written" in folders.distrust(str(common / "link")), "they can let it lead elsewhere"
    (tmp_path / "relative").symlink_to(Path("common", "..", "above", "own"))
    assert f"{common} can be written" in folders.distrust(str(tmp_path / "relative"))
    (tmp_path / "circle").symlink_to("circle")
    assert "cannot be examined" in folders.distrust(str(tmp_path / "circle"))


@as_root
def test_a_link_of_somebody_else_in_a_sticky_folder_is_not_followed(place: Path, tmp_path: Path) -> None:
    common = tmp_path / "common"
    common.mkdir()
    common.chmod(0o1777)
    (common / "link").symlink_to(place)
    assert folders.distrust(str(common / "link")) == ""
    os.lchown(common / "link", STRANGER, -1)
    assert f"{common / 'link'} belongs to uid {STRANGER}" in folders.distrust(str(common / "link"))


def test_where_nothing_is_yet_what_is_above_counts(place: Path) -> None:
    assert folders.distrust(str(place / "new" / "newer")) == ""
    place.chmod(0o1777)
    assert folders.distrust(str(place / "new")) == "", "it will be the user's own"
    place.chmod(0o777)
    assert "can be written by everybody" in folders.distrust(str(place / "new"))


def test_folders_that_are_made_are_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    script = (
        "import os, sys; from inference_providers.files import folders\n"
        "os.umask(int(sys.argv[2], 8)); folders.make(sys.argv[1])"
    )
    for umask in ("0", "002", "077"):
        path = tmp_path / umask / "a" / "b" / "c"
        subprocess.run([sys.executable, "-c", script, str(path), umask], check=True, env=environment())
        made = [path, path.parent, path.parent.parent, path.parent.parent.parent]
        assert [oct(stat.S_IMODE(one.stat().st_mode)) for one in made] == ["0o700"] * 4


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666, 0o622])
def test_a_file_that_others_can_write_is_not_read(place: Path, mode: int) -> None:
    path = place / "file"
    path.write_text("said")
    path.chmod(mode)
    assert folders.read(str(path), 2, mine=False) == b"sa"
    if mode & 0o022:
        with pytest.raises(OSError, match="it can be written by everybody"):
            folders.read(str(path), 100)
    else:
        assert folders.read(str(path), 100) == b"said"


def test_what_is_no_regular_file_is_not_read_and_nobody_waits(place: Path) -> None:
    os.mkfifo(place / "fifo")
    for path in (str(place / "fifo"), str(place), "/dev/zero"):
        with pytest.raises(OSError, match=r"it is a|Is a directory"):
            folders.read(path, 100)


@as_root
def test_a_user_of_a_container_is_not_the_systems_nobody(place: Path) -> None:
    """Users whom a container does not know look like one there; where `nobody` is known, it is somebody."""
    given_to(place.parent, NOBODY, 0o755)
    assert f"{place.parent} belongs to " in folders.distrust(str(place))


@as_root
def test_in_a_container_a_folder_above_may_belong_to_a_user_whom_it_does_not_know(place: Path) -> None:
    """What was mounted there is another's to own; what lies in it is not."""
    os.chown(place.parent, STRANGER, -1)
    script = "import sys; from inference_providers.files import folders; print([folders.distrust(one) for one in sys.argv[1:]])"
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", script, str(place), str(place.parent)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no namespaces here")
    assert done.stdout.startswith(f"['', '{place.parent} belongs to ")


# Launched servers


NO_PROCESS = 2**22 - 1  # the last number that Linux gives


def forged(folder: str, port: int, supervisor: int = NO_PROCESS) -> None:
    """What a supervisor would have left for a server that is ready."""
    Path(folder, "users").mkdir(parents=True, exist_ok=True)
    state = {
        "phase": "ready", "port": port, "key": "forged", "supervisor": supervisor, "engine": NO_PROCESS,
        "provider": "llama.cpp", "title": "llama.cpp", "way": "llama-server", "message": "", "since": 0.0, "idle": 0,
        "model": {"name": "tiny", "path": "/x", "kind": "gguf", "size": 1, "source": "given", "served": "tiny",
                  "tokenizer_path": "", "description": "", "engine": "", "options": {}},
    }  # fmt: skip
    Path(folder, "state.json").write_text(json.dumps(state))
    for name in ("used", "lock"):
        Path(folder, name).touch()


@pytest.fixture
def held() -> Iterator[Callable[[str], None]]:
    """Hold a lock as another process would: by a file that it has opened."""
    opened: list[int] = []

    def hold(folder: str) -> None:
        opened.append(os.open(os.path.join(folder, "lock"), os.O_RDWR))
        assert locks.take(opened[-1])

    yield hold
    for file in opened:
        os.close(file)


def stranger_in(state_home: Path, model: str, serve: Serve, held: Callable[[str], None]) -> tuple[Server, Path]:
    """A stranger who serves what a program will ask for, with a state that says so."""
    server = serve()
    (wanted,) = Launchables(bundled(), os.environ).matching(model, "llama.cpp")
    assert Path(wanted.folder).is_relative_to(state_home)
    forged(wanted.folder, int(server.url.rpartition(":")[2].partition("/")[0]))
    held(wanted.folder)
    return server, Path(wanted.folder)


ways_in = {
    "of nobody, for everybody": (NOBODY, 0o777, "state"),
    "of nobody": (NOBODY, 0o755, "state"),
    "for everybody": (0, 0o777, "state"),
    "for everybody, sticky": (0, 0o1777, "leaf"),
    "in a folder for everybody": (0, 0o777, "above"),
    "of another user": (STRANGER, 0o700, "leaf"),
}


@as_root
@pytest.mark.parametrize("how", ways_in)
@pytest.mark.parametrize("ask", ["sync", "async", "stream"])
def test_a_state_that_somebody_else_can_write_gets_no_prompt(
    how: str,
    ask: str,
    model: str,
    serve: Serve,
    held: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uid, mode, which = ways_in[how]
    home = tmp_path / "above" / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    server, leaf = stranger_in(home, model, serve, held)
    changed = {"above": home.parent, "state": home, "leaf": leaf}[which]
    given_to(changed, uid, mode)
    with pytest.raises(AllProvidersFailedError) as caught:
        asked(ask, f"llama.cpp/{model}")
    assert server.requests == []
    said = str(caught.value)
    assert f"{changed} " in said
    assert ("chmod go-w" if uid == 0 else "chown 0") in said
    assert "XDG_STATE_HOME sets another folder" in said


def asked(how: str, name: str) -> None:
    import asyncio

    from tests.test_launch import AsyncProviderList, nobody_else

    if how == "async":
        asyncio.run(_asked_async(AsyncProviderList(environ=places(), json_override=nobody_else()), name))
    elif how == "stream":
        "".join(a_list().stream("SECRET PROMPT", name, max_tokens=2))
    else:
        a_list().ask_ai("SECRET PROMPT", name, max_tokens=2)


async def _asked_async(providers: Any, name: str) -> None:
    await providers.ask_ai("SECRET PROMPT", name, max_tokens=2)


@as_root
@pytest.mark.parametrize("which", ["state.json", "lock"])
@pytest.mark.parametrize("how", ["chown", "chmod"])
def test_a_state_or_lock_that_somebody_else_can_write_gets_no_prompt_either(
    which: str, how: str, model: str, serve: Serve, held: Callable[[str], None], tmp_path: Path
) -> None:
    server, leaf = stranger_in(tmp_path / "state", model, serve, held)
    if how == "chown":
        os.chown(leaf / which, STRANGER, -1)
    else:
        (leaf / which).chmod(0o666)
    assert [*running(os.environ)] == []
    with pytest.raises(AllProvidersFailedError, match=f"{leaf / which} .*XDG_STATE_HOME sets another folder"):
        a_list().ask_ai("SECRET PROMPT", f"llama.cpp/{model}", timeout=2, max_tokens=2)
    assert server.requests == []


def test_listing_skips_what_is_not_believed_with_one_warning(
    model: str, serve: Serve, held: Callable[[str], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server, leaf = stranger_in(tmp_path / "state", model, serve, held)
    assert [folder for folder, _ in running(os.environ)] == [str(leaf)], "it would be believed"
    leaf.parent.chmod(0o777)
    for _ in range(3):
        assert [*running(os.environ)] == []
        assert a_list().local_servers() == []
    assert caplog.text.count("can be written by everybody") == 1
    assert f"chmod go-w {leaf.parent}" in caplog.text
    done = cli("status")
    assert done.returncode == 0
    assert done.stderr.count("can be written by everybody") == 1
    assert "No launched server runs" in done.stderr
    victim = subprocess.Popen(["sleep", "60"])
    forged(str(leaf), 1, victim.pid)
    assert stopping.stop(str(leaf), patience=0.1) is False
    assert victim.poll() is None, "a process that a stranger names is not ended"
    victim.kill()
    victim.wait()
    assert server.requests == []


@pytest.mark.parametrize(
    "damage",
    ["", "[]", "{", '{"phase": 1}', '{"phase": "ready"}', '{"phase": "ready", "port": "x"}', "[" * 100_000, "\xff",
     '{"phase": "ready", "port": true, "supervisor": 1, "engine": 1, "key": null}'],
)  # fmt: skip
def test_a_damaged_state_is_none(damage: str, tmp_path: Path) -> None:
    folder = Path(server_state.servers_folder(os.environ), "x")
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(damage, "latin-1")
    (folder / "lock").touch()
    lock = os.open(folder / "lock", os.O_RDWR)
    assert locks.take(lock)
    assert server_state.read_state(str(folder)) is None
    assert [*running(os.environ)] == []
    os.close(lock)


@pytest.mark.parametrize(
    "junk", [-1, 0, 1, True, 2.5, 10**400, float("nan"), "x", [], {}], ids=lambda junk: repr(junk)[:20]
)
def test_a_state_with_anything_in_it_is_whole_or_none(
    junk: Any, held: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """And no process is ended by a number that stands for many, or for the system's own."""
    from inference_providers.cli.main import main

    folder = Path(server_state.servers_folder(os.environ), "x")
    forged(str(folder), 1)
    whole = json.loads((folder / "state.json").read_text())
    held(str(folder))
    assert [state for _, state in running(os.environ)] == [whole]
    for place in [*whole, *(("model", name) for name in whole["model"])]:
        changed = (
            {**whole, place: junk} if isinstance(place, str) else {**whole, "model": {**whole["model"], place[1]: junk}}
        )
        (folder / "state.json").write_text(json.dumps(changed))
        for state in (server_state.read_state(str(folder)), *(state for _, state in running(os.environ))):
            assert state is None or (state["supervisor"] > 1 and state["engine"] > 1)
        Launchables(bundled(), os.environ).running()
        for arguments in (["local", "status"], ["local", "status", "--json"]):
            with pytest.raises(SystemExit) as ended:
                main(arguments)
            assert ended.value.code == 0
    assert capsys.readouterr()


def test_with_any_umask_only_the_user_can_look_at_a_servers_folders(tmp_path: Path) -> None:
    script = (
        "import os; os.umask(0); from tests.test_launch import *\n"
        "a_list(local_models=[slow()]).ask_ai('hi', 'slow')\n"
        "print(next(running(os.environ))[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment(str(ROOT))
    )
    folder = Path(done.stdout.strip())
    made = [folder, *folder.parents[:4], folder / "users"]
    assert made[4] == tmp_path / "state"
    assert {oct(stat.S_IMODE(one.stat().st_mode)) for one in made} == {"0o700"}
    for name in ("state.json", "log", "lock", "used"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def environment(*paths: str, **more: str) -> dict[str, str]:
    path = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path or str(ROOT), **more}


# Where they are


HOMELESS = """
import os, pwd, sys
sys.path[:0] = {path!r}
if os.geteuid() != {user}:
    def unknown(uid):
        raise KeyError(uid)
    pwd.getpwuid = unknown
from inference_providers import *
from inference_providers.files import folders
from inference_providers.servers import discovery, model_files, model_lists
from inference_providers.servers.state import servers_folder
assert folders.home(os.environ) is None
if not os.path.isabs(os.environ.get("XDG_STATE_HOME", "")):
    assert {{folders.own(kind, os.environ) for kind in ("cache", "config", "data", "state")}} == {{None}}
    assert (servers_folder(os.environ), model_files.own_folder(os.environ), discovery.home_models(os.environ)) == ("", None, [])
"""


def homeless(script: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program as a user whom the system does not know, without HOME: in a container with any number for a user.

    Where such a user can read neither this Python nor this package, the system is made not to know the one who runs this.
    """
    path = [one for one in (str(ROOT), os.environ.get("PYTHONPATH")) if one]
    cwd.mkdir(exist_ok=True)
    for above in cwd.parents:
        if above.stat().st_uid == os.geteuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    return subprocess.run(
        [sys.executable, "-B", "-P", "-c", HOMELESS.format(path=path, user=STRANGER) + script],
        capture_output=True, text=True, check=False, cwd=cwd, env={"PATH": os.environ["PATH"], **environ}, **as_stranger(),
    )  # fmt: skip


@cache
def as_stranger() -> dict[str, Any]:
    """Who runs a program for `subprocess.run`: somebody else where that is possible."""
    if os.geteuid() != 0:
        return {}
    somebody: dict[str, Any] = {"user": STRANGER, "group": STRANGER, "extra_groups": []}
    look = [sys.executable, "-B", "-P", "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]; import tests, openai"]
    try:
        able = subprocess.run(look, check=False, capture_output=True, env={}, cwd="/", **somebody).returncode == 0
    except OSError:
        able = False
    return somebody if able else {}


@pytest.mark.parametrize(
    "environ",
    [{}, {"HOME": ""}, {"HOME": "here"}, {"XDG_STATE_HOME": "state", "XDG_CACHE_HOME": "./c", "XDG_CONFIG_HOME": "~"}],
)
def test_a_user_without_a_home_gets_the_usual_errors(environ: dict[str, str], tmp_path: Path) -> None:
    script = (
        "try: ask_ai('hi')\n"
        "except NoCredentialsError as error: print('no key')\n"
        "assert not ProviderList(local='launch').find_model_providers('llama-3.1-8b:local')\n"
        "assert get_available_models() == []\n"
    )
    done = homeless(script, tmp_path / "cwd", **environ)
    assert (done.returncode, done.stdout) == (0, "no key\n"), done.stderr
    assert done.stderr == ""
    assert [*(tmp_path / "cwd").iterdir()] == []


def test_a_user_without_a_home_has_updates_that_are_not_kept_and_one_warning(tmp_path: Path, serve: Serve) -> None:
    from tests.test_update import NEWER, publishing

    server = serve(publishing(NEWER))
    script = "print(ProviderList(auto_update=True, local=False).registry.version)"
    url = f"http://127.0.0.1:{server.port}/r.json"
    done = homeless(script, tmp_path / "cwd", INFERENCE_PROVIDERS_URL=url)
    assert (done.returncode, done.stdout.strip()) == (0, str(NEWER["version"])), done.stderr
    (warning,) = done.stderr.splitlines()
    assert "this user has no home folder; set HOME, XDG_CACHE_HOME or INFERENCE_PROVIDERS_CACHE_DIR" in warning
    done = homeless(script, tmp_path / "cwd", INFERENCE_PROVIDERS_URL="http://127.0.0.1:9/none.json")
    assert (done.returncode, done.stdout.strip()) == (0, str(bundled().version)), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_user_without_a_home_is_told_what_a_launch_needs(tmp_path: Path) -> None:
    model = tmp_path / "cwd" / "tiny.gguf"
    model.parent.mkdir()
    tiny_model.write(str(model))
    script = (
        "try: ask_ai('hi', 'llama.cpp/tiny.gguf', max_tokens=2)\n"
        "except LocalServerError as error: print(error)\n"
        "from inference_providers.cli.main import main\n"
        "main(['local', 'status'])\n"
    )
    done = homeless(script, tmp_path / "cwd")
    assert "this user has no home folder" in done.stdout, done.stderr
    assert "Set HOME, or XDG_STATE_HOME to a folder of your own" in done.stdout
    assert "No launched server runs" in done.stderr
    assert [path.name for path in (tmp_path / "cwd").iterdir()] == ["tiny.gguf"]
    own = tmp_path / "cwd" / "own"
    own.mkdir(mode=0o700)
    if as_stranger():
        os.chown(own, STRANGER, STRANGER)
    (tmp_path / "cwd").chmod(0o755)
    script = "print(len(ask_ai('hi', 'llama.cpp/tiny.gguf', max_tokens=2)) > 0, servers_folder(os.environ))"
    done = homeless(script, tmp_path / "cwd", XDG_STATE_HOME=str(own))
    assert done.stdout.startswith(f"True {own}/inference_providers/servers/"), done.stderr


@pytest.mark.parametrize("kind", ["cache", "config", "data", "state"])
def test_a_relative_folder_in_the_environment_is_ignored(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"XDG_{kind.upper()}_HOME"
    usual = {"cache": ".cache", "config": ".config", "data": ".local/share", "state": ".local/state"}[kind]
    for value in ("relative", "./relative", ""):
        monkeypatch.setenv(variable, value)
        assert folders.base(kind, os.environ) == str(tmp_path / usual)
    monkeypatch.setenv(variable, "~/mine")
    assert folders.base(kind, os.environ) == str(tmp_path / "mine")
    monkeypatch.setenv(variable, "/elsewhere")
    assert folders.base(kind, os.environ) == "/elsewhere"


# Caches and the user's own models


@pytest.mark.parametrize("which", ["cache", "above"])
def test_a_cache_that_others_can_write_is_not_used(
    which: str, tmp_path: Path, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.test_update import NEWER, publishing

    server = serve(publishing(NEWER))
    folder = tmp_path / "above" / "cache"
    environ = {
        "INFERENCE_PROVIDERS_URL": f"http://127.0.0.1:{server.port}/r.json",
        "INFERENCE_PROVIDERS_CACHE_DIR": str(folder),
    }
    providers = ProviderList(auto_update=True, environ=environ, local=False)
    assert providers.registry.version == NEWER["version"]
    (folder if which == "cache" else folder.parent).chmod(0o777)
    server.behaviour = publishing("gone", 404)
    providers = ProviderList(auto_update=True, environ=environ, local=False)
    assert providers.registry.version == bundled().version
    assert len([record for record in caplog.records if record.name == "inference_providers"]) == 1
    assert "can be written by everybody" in caplog.text
    server.behaviour = publishing(NEWER)
    assert ProviderList(auto_update=True, environ=environ, local=False).registry.version == NEWER["version"]


def test_models_of_a_folder_that_others_can_write_are_not_started_where_nothing_is_named(
    model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data" / "inference_providers" / "models"
    folder.mkdir(parents=True)
    (folder / "mine.gguf").symlink_to(model)
    assert {server.model.name for server in Launchables(bundled(), os.environ).automatic()} == {"mine"}
    folder.chmod(0o777)
    for _ in range(2):
        assert Launchables(bundled(), os.environ).automatic() == []
    assert caplog.text.count("can be written by everybody") == 1


def test_the_command_that_mends_a_folder_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "it's $HOME & mine"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    why = folders.distrust(str(folder))
    command = why.partition("`")[2].rpartition("`")[0]
    subprocess.run(["sh", "-c", command], check=True, cwd="/")
    assert folders.distrust(str(folder)) == ""
