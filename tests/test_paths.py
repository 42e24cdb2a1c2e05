"""What this package keeps for its user: shown whole, removed by kind, and nothing else with it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inference_providers.cli.main import main
from inference_providers.cli.paths import BY_NAME, KINDS
from inference_providers.cli.places import places
from inference_providers.files import folders, locks
from inference_providers.routing import Learned
from inference_providers.servers.state import servers_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with something of every kind, and something of the user's beside each."""
    for name in [name for name in os.environ if name.startswith(("XDG_", "INFERENCE_PROVIDERS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in places(os.environ):
        for name in place.names[:3] or ("some/file.bin",):
            file = Path(place.folder, name.replace("*", "x") + "part-of-it" * name.endswith("/"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("12345")
        if place.names:
            Path(place.folder, "of-the-user.txt").write_text("mine")
    return tmp_path


def run(*words: str, **options: Any) -> Any:
    return CliRunner().invoke(main, words, **options)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_every_place_is_shown_whether_anything_is_there(home: Path) -> None:
    rows = json.loads(run("paths", "--json").output)
    assert {row["kind"] for row in rows} == set(KINDS)
    assert all(row["there"] for row in rows)
    assert {row["path"] for row in rows if row["kind"] == "learned"} == {Learned.of(os.environ).path}  # type: ignore[union-attr]
    assert servers_folder(os.environ) in {row["path"] for row in rows}
    assert [row["size"] for row in rows if row["kind"] == "models"] == [5, 5, 5]
    assert run("purge", "--all", "--yes").exit_code == 0
    assert {row["kind"] for row in json.loads(run("paths", "--json").output) if row["there"]} == set(BY_NAME)


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_goes_and_the_others_stay(home: Path, kind: str) -> None:
    before = {place.kind: place.paths for place in places(os.environ)}
    done = run("purge", kind, "--yes")
    assert done.exit_code == 0, done.output
    after = {place.kind: place.paths for place in places(os.environ)}
    assert after == {**before, kind: []}
    assert all(path in done.output for path in before[kind])


def test_what_is_the_users_own_stays(home: Path) -> None:
    assert run("purge", "--all", *BY_NAME, "--yes").exit_code == 0
    assert files(home) == {"of-the-user.txt"}


def test_a_cache_folder_of_the_users_choice_is_not_removed_with_what_else_is_in_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_CACHE_DIR", str(home))
    (home / "registry.json").write_text("{}")
    (home / "registry-of-birds.json").write_text("{}")
    assert run("purge", "updates", "--yes").exit_code == 0
    assert (home / "registry-of-birds.json").exists()
    assert not (home / "registry.json").exists()


def test_a_link_goes_and_what_it_leads_to_stays(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("disk")
    (elsewhere / "large.gguf").write_text("weights")
    (models,) = [Path(place.folder) for place in places(os.environ) if place.kind == "models"]
    (models / "smollm2.gguf").unlink()
    (models / "smollm2.gguf").symlink_to(elsewhere / "large.gguf")
    assert run("purge", "models", "--yes").exit_code == 0
    assert files(models) == {"of-the-user.txt"}
    servers = Path(servers_folder(os.environ))
    servers.rename(elsewhere / "servers")
    servers.symlink_to(elsewhere / "servers")
    assert run("purge", "servers", "--yes").exit_code == 0
    assert not servers.is_symlink()
    assert files(elsewhere) == {"large.gguf", "file.bin"}


def test_models_that_the_user_has_put_beside_the_fetched_ones_stay(home: Path) -> None:
    (models,) = [Path(place.folder) for place in places(os.environ) if place.kind == "models"]
    (models / "mine.gguf").write_text("weights")
    (models / "deep").mkdir()
    (models / "deep" / "smollm2.gguf").write_text("weights")
    assert run("purge", "models", "--yes").exit_code == 0
    assert files(models) == {"of-the-user.txt", "mine.gguf", "smollm2.gguf"}


def test_a_folder_that_is_called_like_a_file_of_ours_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_CACHE_DIR", str(home))
    for name in ("registry.json", ".registry-of-birds"):
        (home / name).mkdir()
        (home / name / "work").write_text("mine")
    run("purge", "updates", "--yes")
    assert (home / "registry.json" / "work").exists()
    assert (home / ".registry-of-birds" / "work").exists()


def test_what_is_being_fetched_is_not_removed(home: Path) -> None:
    (part,) = home.rglob(".smollm2.part")
    with part.open("rb") as file:
        assert locks.take(file.fileno())
        done = run("purge", "--all", "--yes")
        assert (done.exit_code, "being fetched" in done.output, part.exists()) == (1, True, True)
    assert run("purge", "--all", "--yes").exit_code == 0


def test_it_asks_and_where_it_cannot_it_removes_nothing(home: Path) -> None:
    before = files(home)
    assert run("purge").exit_code == 2
    assert run("purge", "everything").exit_code == 2
    done = run("purge", "--all", input="")
    assert (done.exit_code, files(home)) == (2, before)
    assert "--yes" in done.output


def test_empty_folders_of_ours_go_with_what_was_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("XDG_", "INFERENCE_PROVIDERS_"))]:
        monkeypatch.delenv(name)
    kept = Path(servers_folder(os.environ), "one", "log")
    kept.parent.mkdir(parents=True)
    kept.write_text("log")
    assert run("purge", "servers", "--yes").exit_code == 0
    assert list(tmp_path.rglob("inference_providers")) == []
    assert kept.parents[4].is_dir()


def test_without_a_home_there_is_nothing_to_show_or_remove(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "home", lambda environ: None)
    monkeypatch.delenv("INFERENCE_PROVIDERS_CACHE_DIR", raising=False)
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    assert json.loads(run("paths", "--json").output) == []
    assert run("purge", "--all", "--yes").exit_code == 0
