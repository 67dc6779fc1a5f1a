"""What the tests of the figures' schemas share."""

import pytest

from bigmodel_utils.live import LiveFigure, _figure


def page(name, data):
    """The HTML of a figure with this data."""
    return LiveFigure(name, data=data, alt="A figure.")._repr_html_()


def rejected(name, data, kind, message):
    """Making the figure fails, and the message names what is wrong."""
    with pytest.raises(kind, match=message):
        LiveFigure(name, data=data, alt="A figure.")


def follows_limits(name, monkeypatch, beyond):
    """Data beyond each limit are rejected, and accepted once the limit is that wide.

    ``beyond``: for every key of ``LIMITS``, the data and the limit that would let them pass, or
    None if the script alone reads it or nothing can be beyond it.
    """
    limits = _figure.modules()[name].LIMITS
    assert set(beyond) == set(limits), "a limit without a case"
    for key, (data, wider) in ((key, case) for key, case in beyond.items() if case):
        with pytest.raises((TypeError, ValueError)):
            LiveFigure(name, data=data, alt="A figure.")
        with monkeypatch.context() as patch:
            patch.setitem(limits, key, wider)
            LiveFigure(name, data=data, alt="A figure.")
