"""Known texts, retold and imitated: same registers, same places, no shared wording."""

import pytest

from bigmodel_utils import data


def runs(text, length=6):
    words = text.lower().split()
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


@pytest.mark.parametrize("kind", ["known", "retold", "new"])
def test_two_texts_of_each_register_on_one_line(kind):
    texts = data.load_known_texts(kind)
    assert list(texts) == ["licence", "speech", "rhyme"]
    for pair in texts.values():
        assert len(pair) == 2
        for text in pair:
            assert "\n" not in text and "  " not in text
            assert 70 <= len(text.split()) <= 130


@pytest.mark.parametrize("kind", ["retold", "new"])
def test_another_text_shares_no_six_words_in_a_row_with_any_known_text(kind):
    known, new = (data.load_known_texts(kind) for kind in ("known", kind))
    copied = set().union(*(runs(text) for pair in known.values() for text in pair))
    for name, pair in new.items():
        for text in pair:
            assert not runs(text) & copied, name


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="kind"):
        data.load_known_texts("old")
