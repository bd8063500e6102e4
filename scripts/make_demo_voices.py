"""Makes the demo reference recordings, one for each language, where they are not there yet.

They are synthetic: no person's voice is in the repository. The same engine version writes the same bytes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "zh", "es")
MODULE = "avatar_gpu.speech.espeak.reference"


def make(language: str, out: Path) -> None:
    """Writes the recording of ``language``; it appears whole or not at all.

    Raises:
        subprocess.CalledProcessError: the speech engine failed; its output has been shown.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.stem}.part.wav")
    try:
        subprocess.run(
            [sys.executable, "-m", MODULE, "--language", language, "--out", str(part)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def main() -> int:
    """The exit status: 0 all are there, 1 one could not be made."""
    parser = argparse.ArgumentParser(
        description="Makes the demo reference recordings that are not there yet."
    )
    parser.add_argument(
        "--out-dir", type=Path, default=ROOT / "assets" / "voice", help="default: assets/voice"
    )
    parser.add_argument("--force", action="store_true", help="make them again")
    arguments = parser.parse_args()
    for language in LANGUAGES:
        out = arguments.out_dir / f"demo-{language}.wav"
        if out.is_file() and not arguments.force:
            continue
        try:
            make(language, out)
        except subprocess.CalledProcessError as failure:
            print(
                f"The demo voice {out.name} could not be made ({MODULE} ended with {failure.returncode}). "
                "The lines above say why.",
                file=sys.stderr,
            )
            return 1
        print(f"  demo voice: {out.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
