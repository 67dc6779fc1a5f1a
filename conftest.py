"""Pages are compared by nbval, and their drawings by what is drawn (bigmodel_utils/drawn.py)."""

from bigmodel_utils import drawn

PICTURES = ("image/svg+xml", "image/png")


def pytest_configure(config):
    """Teach nbval to compare a drawing's record instead of a picture's coordinates."""
    if not config.pluginmanager.hasplugin("nbval"):
        return
    # A fresh machine builds its font cache once; a slow one would say so in the first figure.
    import matplotlib.font_manager  # noqa: F401
    from nbval.plugin import IPyNbCell

    if not hasattr(IPyNbCell, "compare_letters"):
        IPyNbCell.compare_letters = IPyNbCell.compare_outputs
        IPyNbCell.compare_outputs = compare_outputs


def compare_outputs(self, test, ref, skip_compare=None):
    """Stand in for nbval's method of this name."""
    skip = (*(skip_compare or self.parent.skip_compare), *PICTURES, drawn.MIME)
    if not self.compare_letters(test, ref, skip):
        return False
    new, stored = ([_record(out) for out in outputs if _shows(out)] for outputs in (test, ref))
    if drawn.same(new, stored):
        return True
    self.comparison_traceback.append(f"  a figure shows something else\nstored {stored}\nnew {new}")
    return False


def _shows(output):
    return any(mime in output.get("data", {}) for mime in PICTURES)


def _record(output):
    return output["data"].get(drawn.MIME)
