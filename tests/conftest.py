"""Fixtures for all tests."""

import signal

import pytest


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C do what it does at a terminal: a suite started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
