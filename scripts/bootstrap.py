"""Creates the virtual environment and installs the project into it; a run with nothing to do ends at once.

Needs only a Python's standard library. The whole file keeps to the syntax of Python 3.6, so that an older
Python reaches the message that says which one is needed.
"""

import argparse
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = ("contracts", "gpu_service", "runtime", "evaluator")
OLDEST_PYTHON = (3, 11)
STAMP = ".realtime-avatar.json"
"""Written last: what the environment holds."""
UNFINISHED = ".realtime-avatar.unfinished"
"""Written first and removed before the stamp: an environment that has it broke off half way."""
NEEDED_MB = {"demo": 900, "dev": 1200}
"""Free disk space for a first installation: environment, package cache and files in transit."""
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
"""Fetched from PIP_INDEX_URL where Python came without pip, as on Debian without python3-venv."""
SETS = {"demo": ("demo",), "dev": ("demo", "dev")}


class SetupError(Exception):
    """Set-up cannot go on; the message says what a person can do about it."""


def python_too_old(major: int, minor: int) -> str:
    """The message for a Python that is too old, empty where it is new enough."""
    if (major, minor) >= OLDEST_PYTHON:
        return ""
    return (
        f"Python 3.11 or newer is needed, this is {major}.{minor}. Install one (Debian, Ubuntu: sudo apt "
        "install python3.11 python3.11-venv; macOS: brew install python@3.13), then run the same command "
        "again, or name it: PYTHON=/path/to/python3.11 make demo"
    )


def fingerprint(root: Path, wanted: str) -> str:
    """A hash of everything that decides what is installed."""
    digest = hashlib.sha256(f"{root}\n{wanted}\n".encode())
    files = ["pyproject.toml", "constraints.txt", *(f"{name}/pyproject.toml" for name in DISTRIBUTIONS)]
    for name in files:
        try:
            content = (root / name).read_bytes()
        except FileNotFoundError:
            raise SetupError(f"{name} is missing: this is not a whole copy of the repository.") from None
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def is_current(venv: Path, root: Path, wanted: str) -> bool:
    """Whether the environment already holds ``wanted`` (the larger set satisfies the smaller one)."""
    if not python_of(venv).exists() or (venv / UNFINISHED).exists():
        return False
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    enough = [wanted] if wanted == "dev" else ["demo", "dev"]
    return any(stamp == {"set": one, "inputs": fingerprint(root, one)} for one in enough)


def is_reusable(venv: Path, asked: str) -> bool:
    """Whether packages can be installed over what is in the environment."""
    if not python_of(venv).exists() or (venv / UNFINISHED).exists():
        return False
    probe = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    found = subprocess.run(
        [str(python_of(venv)), "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    version = found.stdout.decode().strip()
    if found.returncode != 0 or tuple(int(part) for part in version.split(".")) < OLDEST_PYTHON:
        return False
    return not asked or version == "{}.{}".format(*sys.version_info[:2])


def moved(venv: Path, root: Path) -> bool:
    """Whether the environment was made for another folder: its scripts would point there."""
    try:
        text = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    command = [line for line in text.splitlines() if line.startswith("command = ")]
    return bool(command) and str(venv if venv.is_absolute() else root / venv) not in command[0]


def require_disk(wanted: str, folders: "list[Path]") -> None:
    """Raises where a folder's file system has too little room."""
    for folder in folders:
        free_mb = shutil.disk_usage(str(folder)).free // 1_000_000
        if free_mb < NEEDED_MB[wanted]:
            raise SetupError(
                f"Not enough disk space: {folder} has {free_mb} MB free, {NEEDED_MB[wanted]} MB are needed. "
                "Make room, or set TMPDIR to a larger disk, then run the same command again."
            )


def has_module(name: str) -> bool:
    """Whether this Python can import ``name``; systems split parts of the standard library off."""
    return importlib.util.find_spec(name) is not None


def venv_package() -> str:
    """The advice for a Python that came without ``venv`` or ``ensurepip``."""
    return (
        "Debian and Ubuntu keep what is missing in a package of its own: sudo apt install python{}.{}-venv "
        "(or python3-venv), then run the same command again."
    ).format(*sys.version_info[:2])


def fetch_pip(folder: Path) -> Path:
    """pip's wheel, which runs as it is; from the index in PIP_INDEX_URL, checked against its SHA-256.

    Raises:
        SetupError: it cannot be had.
    """
    kept = folder / PIP_WHEEL
    if kept.exists() and hashlib.sha256(kept.read_bytes()).hexdigest() == PIP_SHA256:
        return kept
    index = os.environ.get("PIP_INDEX_URL", "").rstrip("/")
    if not index:
        raise SetupError(f"This Python came without pip. {venv_package()}")
    page = index + "/pip/"
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:
            listing = answer.read().decode("utf-8", "replace")
        found = re.search(f'href="([^"#]*/{re.escape(PIP_WHEEL)}[^"#]*)', listing)
        if found is None:
            raise SetupError(f"{page} does not list {PIP_WHEEL}. {venv_package()}")
        with urllib.request.urlopen(urllib.parse.urljoin(page, found.group(1)), timeout=60) as answer:
            content = answer.read()
    except (OSError, ValueError) as failure:
        raise SetupError(
            f"This Python came without pip, and it could not be fetched from {page} ({failure}). "
            + venv_package()
        ) from None
    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
        raise SetupError(f"{PIP_WHEEL} from {page} is not the expected file. {venv_package()}")
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / (PIP_WHEEL + ".part")
    part.write_bytes(content)
    part.replace(kept)
    return kept


def python_of(venv: Path) -> Path:
    return venv / "bin" / "python"


def pinned(root: Path, name: str) -> str:
    """``name==version`` as constraints.txt has it."""
    for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines():
        requirement = line.split(";")[0].split("#")[0].strip()
        if requirement.startswith(f"{name}=="):
            return requirement
    return name


def group_requirements(root: Path, names: "tuple[str, ...]") -> "list[str]":
    """The requirements of dependency groups of the root pyproject.toml."""
    import tomllib  # only Python 3.11 and newer come this far

    groups = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return [requirement for name in names for requirement in groups[name]]


def installer_environment() -> "dict[str, str]":
    """The environment for uv, which does not read pip's variables, and for pip."""
    environment = dict(os.environ)
    for ours, theirs in (
        ("UV_FIND_LINKS", "PIP_FIND_LINKS"),
        ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"),
        ("UV_INDEX", "PIP_EXTRA_INDEX_URL"),
    ):
        if environment.get(theirs) and not environment.get(ours):
            environment[ours] = environment[theirs]
    environment.pop("VIRTUAL_ENV", None)
    environment.pop("PYTHONPATH", None)
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    environment.setdefault("PIP_RETRIES", "2")
    return environment


class Steps:
    """Runs commands one after the other, each with a line that shows how long it takes."""

    def __init__(self, log: Path) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

    def run(self, title: str, command: "list[str]", needs: str) -> None:
        """Runs to the end. Raises ``SetupError`` with the end of the output and ``needs`` where it fails."""
        start = time.monotonic()
        shows = sys.stderr.isatty()
        with self._log.open("ab") as log:
            log.write(("\n$ " + " ".join(command) + "\n").encode())
            log.flush()
            before = log.tell()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=installer_environment()
            )
            try:
                while True:
                    try:
                        status = process.wait(timeout=0.5)
                        break
                    except subprocess.TimeoutExpired:
                        if shows:
                            sys.stderr.write(f"\r  {title} … {time.monotonic() - start:.0f} s")
                            sys.stderr.flush()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        sys.stderr.write("{}  {} … {:.1f} s\n".format("\r" if shows else "", title, time.monotonic() - start))
        if status == 0:
            return
        output = self._log.read_bytes()[before:].decode("utf-8", "replace").strip().splitlines()
        telling = [line for line in output if "error" in line.lower()] or output
        tail = "\n".join("    " + line.strip()[:200] for line in telling[-5:])
        raise SetupError(f"{title}: it failed. {needs}\nThe last lines of {self._log}:\n{tail}")


def create_venv(venv: Path, root: Path, steps: Steps) -> None:
    """An empty environment with pip."""
    if not has_module("venv"):
        raise SetupError("This Python cannot create virtual environments. " + venv_package())
    if venv.exists():
        shutil.rmtree(str(venv))
    venv.mkdir(parents=True)
    (venv / UNFINISHED).write_bytes(b"")
    create = [sys.executable, "-m", "venv", str(venv)]
    if has_module("ensurepip"):
        steps.run("virtual environment", create, venv_package())
        return
    pip = fetch_pip(root / ".cache" / "wheels")
    steps.run("virtual environment", [*create, "--without-pip"], venv_package())
    steps.run(
        "pip", [str(python_of(venv)), str(pip / "pip"), "install", "--no-index", str(pip)], venv_package()
    )


NETWORK = (
    "The usual cause is a package index that cannot be reached: check the network, or HTTPS_PROXY and "
    "PIP_INDEX_URL where this network has its own; then run the same command again."
)


def install(venv: Path, root: Path, wanted: str, steps: Steps) -> None:
    """Installs the four distributions and the groups of ``wanted``: with uv, with pip where uv cannot."""
    python = str(python_of(venv))
    what = ["--constraint", str(root / "constraints.txt")]
    for name in DISTRIBUTIONS:
        what += ["--editable", str(root / name)]
    what += group_requirements(root, SETS[wanted])
    pip = [python, "-m", "pip", "install"]
    uv = [str(venv / "bin" / "uv"), "pip", "install", "--python", python]
    try:
        steps.run("installer (uv)", [*pip, pinned(root, "uv")], NETWORK)
        steps.run("packages", [*uv, *what], NETWORK)
    except SetupError:
        require_disk_left(root)
        sys.stderr.write("  that failed; now with pip, which takes longer\n")
        steps.run("packages, with pip", [*pip, *what], NETWORK)


def require_disk_left(root: Path) -> None:
    """Raises where an installation failed because the disk is full."""
    for folder in (root, Path(tempfile.gettempdir())):
        if shutil.disk_usage(str(folder)).free < 50_000_000:
            raise SetupError(
                f"The disk that holds {folder} is full. Make room, then run the same command again."
            )


def prepare(venv: Path, root: Path, wanted: str) -> bool:
    """Brings the environment to ``wanted``; false where nothing had to be done."""
    if is_current(venv, root, wanted):
        return False
    inputs = fingerprint(root, wanted)
    fits = is_reusable(venv, os.environ.get("PYTHON", "")) and not moved(venv, root)
    if not fits:
        require_disk(wanted, [root, Path(tempfile.gettempdir())])
    sys.stderr.write(f"Setting up {venv} with Python {sys.version.split()[0]} ({wanted})\n")
    steps = Steps(root / ".cache" / "setup.log")
    if not fits:
        create_venv(venv, root, steps)
    if (venv / STAMP).exists():
        (venv / STAMP).unlink()
    (venv / UNFINISHED).write_bytes(b"")
    install(venv, root, wanted, steps)
    (venv / UNFINISHED).unlink()
    unfinished = venv / (STAMP + ".part")
    unfinished.write_text(json.dumps({"set": wanted, "inputs": inputs}), encoding="utf-8")
    unfinished.replace(venv / STAMP)
    return True


def main() -> int:
    """The exit status: 0 ready, 1 a message says what is missing, 130 interrupted."""
    too_old = python_too_old(*sys.version_info[:2])
    if too_old:
        sys.stderr.write(too_old + "\n")
        return 1
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=sorted(SETS), default="demo", dest="wanted", help="what to install")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="default: .venv in the repository")
    arguments = parser.parse_args()
    try:
        prepare(arguments.venv.absolute(), ROOT, arguments.wanted)
    except SetupError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    except OSError as failure:
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.stderr.write("The disk is full. Make room, then run the same command again.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. The same command starts again where it is safe to.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
