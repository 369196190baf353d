"""The firmware, built once for all its tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "kit"))
from chipkit import BUILD, run_make


@pytest.fixture(scope="session")
def build() -> Path:
    """Return the folder with every program, up to date."""
    run_make("-j2", "all")
    return BUILD


@pytest.fixture(scope="session")
def sensor_build() -> Path:
    """Return the folder with every program for its real sensor."""
    run_make("-j2", "avr", "arm", "TEST_SIGNAL=0", "BUILD=build/sensor")
    return BUILD / "sensor"
