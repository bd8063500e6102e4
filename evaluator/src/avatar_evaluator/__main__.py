"""``python -m avatar_evaluator``."""

from __future__ import annotations

import sys

from avatar_evaluator.cli import main

if __name__ == "__main__":
    sys.exit(main())
