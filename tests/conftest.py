"""Fixtures and options for all tests."""

import signal

import of_pages
import pytest
from babel.messages.mofile import write_mo

from bigmodel_utils import words


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C do what it does at a terminal: a suite started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """``publish(catalogue, language)``: from now on every word comes from it."""

    def speak(catalogue, language="qps"):
        file = tmp_path / language / "LC_MESSAGES" / "bigmodel_utils.mo"
        file.parent.mkdir(parents=True)
        with file.open("wb") as out:
            write_mo(out, catalogue)
        monkeypatch.setenv("BIGMODEL_LANGUAGE", language)
        monkeypatch.setenv("BIGMODEL_LOCALE", str(tmp_path))
        words._catalogue.cache_clear()

    return speak


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
