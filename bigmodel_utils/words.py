"""What figures, checkers, verdicts, plots and labs say, in the language of the edition.

The English words stand in the code, where they are read and changed. Another language replaces
them from a catalogue in gettext's format, so that translators use their own tools:
``<folder>/<language>/LC_MESSAGES/bigmodel_utils.mo``. Two environment variables choose it when the
pages are executed or built:

- ``BIGMODEL_LANGUAGE``: such as ``zh_CN``; English without it.
- ``BIGMODEL_LOCALE``: the folder of the catalogues, by default ``locale`` inside the package.

A text without a translation stays English. ``tools/words.py`` collects the texts of the package.
"""

import functools
import gettext
import os
import string
from pathlib import Path

__all__ = ["say"]

_DOMAIN = "bigmodel_utils"


def say(text, /, **values):
    """Return ``text`` in the language of the edition, its places in braces filled.

    Args:
        text: English, such as ``"shape {shape} is right"``: the key of the catalogue.
        values: what stands in the places. Without any, the text is taken as it is.

    Raises:
        FileNotFoundError: ``BIGMODEL_LANGUAGE`` names a language without a catalogue.
        ValueError: a translation has a place that the English text has not.
    """
    language = os.environ.get("BIGMODEL_LANGUAGE", "")
    if language:
        own = Path(__file__).parent / "locale"
        catalogue = _catalogue(language, os.environ.get("BIGMODEL_LOCALE") or str(own))
        translated = catalogue.gettext(text)
        extra = _places(translated) - _places(text) if translated != text else set()
        if extra:
            raise ValueError(
                f"{language}: expected the places of {text!r} alone in its translation, got "
                f"{', '.join(sorted(extra))} too in {translated!r}"
            )
        text = translated
    return text.format(**values) if values else text


@functools.cache
def _catalogue(language, folder):
    try:
        return gettext.translation(_DOMAIN, folder, [language])
    except FileNotFoundError:
        file = Path(folder) / language / "LC_MESSAGES" / f"{_DOMAIN}.mo"
        raise FileNotFoundError(f"BIGMODEL_LANGUAGE={language}: expected a file {file}") from None


def _places(text):
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:  # a lone brace: not a text with places
        return set()
