"""The folder of a test declares its category; a test outside the known folders fails collection."""

from __future__ import annotations

from pathlib import Path

import pytest

CATEGORIES = ("unit", "contract", "golden", "integration", "gpu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with its folder's category."""
    for item in items:
        category = next((part for part in reversed(Path(item.path).parts) if part in CATEGORIES), None)
        if category is None:
            raise pytest.UsageError(
                f"{item.path} is in none of the folders {CATEGORIES}: a test must declare its category"
            )
        item.add_marker(category)
