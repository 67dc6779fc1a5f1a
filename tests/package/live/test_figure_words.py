"""Words of live figures: each stands once, and a catalogue replaces it when a figure is made."""

import ast
import importlib.util
import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages import Catalog

import bigmodel_utils.live
from bigmodel_utils.live import FIGURES, LABELS, LiveFigure, _figure

FOLDER = Path(bigmodel_utils.live.__file__).parent
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def speak(publish):
    """``speak({English: other})``: from now on figures are made in the other language."""

    def set_language(texts):
        messages = Catalog(locale="de")
        for text, other in texts.items():
            messages.add(text, other)
        publish(messages)

    return set_language


@pytest.mark.parametrize("name", FIGURES)
def test_every_word_and_the_alt_text_come_from_the_catalogue(name, speak):
    english = LiveFigure(name, alt="An explorer.")
    speak({text: f"⟦{text}⟧" for text in [*LABELS[name].values(), "An explorer."]})
    figure = LiveFigure(name, alt="An explorer.")
    assert figure.labels == {key: f"⟦{text}⟧" for key, text in LABELS[name].items()}
    html = figure._repr_html_()
    assert f"<p><em>⟦{LABELS[name]['fallback']}⟧</em></p>" in html
    assert 'aria-label="⟦An explorer.⟧"' in html and "<p>⟦An explorer.⟧</p>" in html
    assert figure.id == english.id, "an address holds in every language"
    assert len(html.encode()) <= 32_000


def test_labels_of_a_page_are_translated_too(speak):
    speak({"Kernel of my own": "Eigener Kern"})
    labels = {"kernel": "Kernel of my own", "output": "Ergebnis"}
    figure = LiveFigure("convolution", alt="An explorer.", labels=labels)
    assert figure.labels["kernel"] == "Eigener Kern" and figure.labels["output"] == "Ergebnis"


def test_a_translation_without_a_value_for_its_place_is_named(speak):
    speak({LABELS["convolution"]["cell"]: "Zeile {zeile}"})
    with pytest.raises(ValueError, match=r"zeile too in 'Zeile \{zeile\}'"):
        LiveFigure("convolution", alt="An explorer.")


def test_a_built_page_may_replace_words_before_the_figure_is_drawn():
    script = LiveFigure("lstm-cell", alt="A cell.")._repr_html_()
    assert 'Object.assign(L, window.bigmodelWords?.["lstm-cell"]);' in script.split("\n")


def test_a_word_of_several_figures_stands_in_the_shared_vocabulary():
    """Under one key the same text stands in one place; names such as about_o may meet by chance."""
    found = Counter()
    for file in (FOLDER / "_words.py", *FOLDER.glob("figures/*/figure.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        found[getattr(key, "value", ""), value.value] += 1
    settings = {"view", "mask", "turn", "preset", "activation"}  # data, not words
    twice = {pair for pair, times in found.items() if times > 1 and pair[0] not in settings}
    assert {pair for pair in twice if not pair[0].startswith("about_")} == {
        # Two dials of one name, neither of which is the other's.
        ("temperature", "temperature τ")
    }


@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_takes_words_from_another(name):
    file = Path(_figure.modules()[name].__file__)
    imports = re.findall(r"^\s*(?:from|import) .*", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert not [line for line in imports if ".figures" in line]


def test_the_translators_tool_finds_every_word():
    spec = importlib.util.spec_from_file_location("words_tool", ROOT / "tools" / "words.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    found = tool.collect()
    missing = {text for words in LABELS.values() for text in words.values() if text not in found}
    assert missing == set()


@pytest.mark.parametrize("name", [n for n in FIGURES if "less" in LABELS[n]])
def test_buttons_say_the_step_they_take(name):
    step = _figure.modules()[name].LIMITS["value"][2]
    for key in ("less", "more"):
        assert re.findall(r"[\d.]+", LABELS[name][key]) == [str(step)]
