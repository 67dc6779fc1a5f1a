"""Fixtures and options for all tests."""

import signal

import of_pages
import pytest


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C do what it does at a terminal: a suite started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_addoption(parser):
    """Add ``--page``."""
    parser.addoption(
        "--page",
        action="append",
        metavar="STEM",
        help="keep the tests of this page, its checkers and its figures: attention, gates ...",
    )


def pytest_collection_modifyitems(config, items):
    """Keep what concerns the pages that were asked for."""
    asked = config.getoption("--page")
    if not asked:
        return
    pages, known = of_pages.names_of_pages()
    for stem in asked:
        if stem not in pages:
            raise pytest.UsageError(
                f"--page: expected the stem of a page in _toc.yml, got {stem!r}; "
                f"there are {', '.join(sorted(pages))}"
            )
    wanted = of_pages.Names.together(pages[stem] for stem in asked)
    kept = [item for item in items if of_pages.concerns(item, wanted, known)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
