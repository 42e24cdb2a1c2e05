"""What a release consists of: `make dist` builds it into dist/, looks at it, and tries it in clean environments.

dist/ has the wheel and the source distribution; dist/sbom.cdx.json names all that a gateway installed from this wheel
consists of (a software bill of materials, CycloneDX 1.6), in the versions of constraints.txt.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from inference_providers import __version__, installing

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
# What is run in an environment that has nothing but the package: it finds its data and its programs.
TRIALS = (
    ("ask-ai", "--version"),
    ("ask-ai", "--help"),
    ("inference-providers", "registry", "validate"),
    ("inference-providers", "resolve", "gpt-4o"),
    ("inference-providers", "serve", "--help"),
)


def main() -> None:
    """Build, look, try. Ends with the first thing that is wrong."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT))
    (wheel,), (source,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(source))
    # W002: equal files, as empty ones are. W004: a name that cannot be imported, as that of PyInstaller's hook.
    run(sys.executable, "-m", "check_wheel_contents", "--ignore", "W002,W004", str(wheel))
    check_changelog()
    check_address()
    with tempfile.TemporaryDirectory() as folder:
        try_out(source, Path(folder) / "source")
        python = try_out(wheel, Path(folder) / "wheel", "[gateway]")
        write_sbom(python, DIST / "sbom.cdx.json")
    for made in sorted(DIST.iterdir()):
        print(f"{made.relative_to(ROOT)}  {made.stat().st_size:,} bytes")


def check_changelog() -> None:
    """The changelog begins with this version."""
    (newest, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    if newest != __version__:
        sys.exit(f"CHANGELOG.md begins with {newest}, but this is version {__version__}")


def check_address() -> None:
    """Whoever may publish has said where the project is: what stands in for that leads nowhere."""
    if "://example.com/" in (ROOT / "setup.cfg").read_text("utf-8"):
        told = "setup.cfg does not say yet where the project is: set Source in project_urls"
        if not installing.UNPUBLISHED:
            sys.exit(told)
        print(told)


def try_out(made: Path, folder: Path, extra: str = "") -> Path:
    """Install what was built into a new environment, and run its programs there; the environment's Python."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    pip = (str(python), "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "-c", str(ROOT / "constraints.txt"), f"{made}{extra}")
    run(*pip, "check")
    for program, *arguments in TRIALS:
        run(str(programs / program), *arguments, cwd=folder, quiet=True)
    return python


def write_sbom(python: Path, path: Path) -> None:
    """What is installed in an environment, as a bill of materials. Ends the program where a requirement is missing."""
    run(
        sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--spec-version", "1.6",
        "-o", str(path), str(python),
    )  # fmt: skip
    bill = json.loads(path.read_text("utf-8"))
    named = {(part["name"].lower().replace("_", "-"), part["version"]) for part in bill["components"]}
    # What the bill is about stands apart; where its wheel lay on this machine is nobody's business.
    (ours,) = [part for part in bill["components"] if part["name"].replace("_", "-") == "inference-providers"]
    bill["components"].remove(ours)
    ours.pop("externalReferences", None)
    bill["metadata"]["component"] = {**ours, "type": "application"}
    path.write_text(json.dumps(bill, indent=1) + "\n", "utf-8")
    frozen = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"],
        check=True,
        capture_output=True,
        text=True,
    )
    for part in json.loads(frozen.stdout):
        name = part["name"].lower().replace("_", "-")
        if (name, part["version"]) not in named and name not in ("pip", "setuptools", "wheel"):
            sys.exit(f"{path.name} does not name {name} {part['version']}")


def run(*command: str, cwd: Path = ROOT, quiet: bool = False) -> None:
    """Run a command, in an environment that does not lead to the source tree. Ends the program where it fails."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode or not quiet:
        print(f"$ {' '.join(Path(part).name if os.sep in part else part for part in command)}", flush=True)
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()[-6:]), end="", flush=True)
    if done.returncode:
        sys.exit(done.stdout)


if __name__ == "__main__":
    main()
