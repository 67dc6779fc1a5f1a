"""A live figure is one folder, found by being there; what it shares with others is in ``host``."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bigmodel_utils
from bigmodel_utils.live import FIGURES, LABELS, LiveFigure, _figure

PACKAGE = Path(bigmodel_utils.__file__).parent
HOST = PACKAGE / "live" / "host"
FOLDERS = sorted((PACKAGE / "live" / "figures").glob("[!_]*/"))

DICE = '''"""A die."""
__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]
NAME = "loaded-dice"
PARTS = ("dial",)
LIMITS = {"weight": (1, 6)}
WORDS = {"fallback": "Needs JavaScript.", "range": "{low} {high}", "typed": "{name}"}
def schema(data):
    return data
'''


def test_a_new_folder_is_a_new_figure(tmp_path):
    """In a copy of the package: nothing else is edited."""
    shutil.copytree(PACKAGE, tmp_path / "bigmodel_utils", ignore=shutil.ignore_patterns("__pyc*"))
    folder = tmp_path / "bigmodel_utils" / "live" / "figures" / "dice"
    folder.mkdir()
    (folder / "figure.py").write_text(DICE)
    (folder / "draw.js").write_text("function draw() {\n  return [resultBox()];\n}\n")
    (folder / "style.css").write_text(".lf-dice {\n  color: red;\n}\n")
    code = (
        "from bigmodel_utils.live import FIGURES, LABELS, LiveFigure\n"
        "print(FIGURES, LABELS['loaded-dice']['typed'])\n"
        "print(LiveFigure('loaded-dice', alt='A die.')._repr_html_())\n"
    )
    out = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
    )
    assert out.returncode == 0, out.stderr
    first, rest = out.stdout.split("\n", 1)
    assert first == f"{tuple(sorted([*FIGURES, 'loaded-dice']))} {{name}}"
    for piece in ("function dial(", "return [resultBox()];", ".lf-dice{", '{"weight":[1,6]}'):
        assert piece in rest


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_holds_one_figure(folder):
    names = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    assert {"figure.py", "draw.js"} <= names <= {"figure.py", "draw.js", "style.css", "data.json"}
    (name,) = [n for n, m in _figure.modules().items() if Path(m.__file__).parent == folder]
    assert name.replace("-", "_") == folder.name
    assert LABELS[name] is _figure.modules()[name].WORDS


def test_names_are_sorted_and_known():
    assert list(FIGURES) == sorted(FIGURES) and set(LABELS) == set(FIGURES)
    assert len(FIGURES) == len(FOLDERS) >= 10


def test_a_part_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(_figure.modules()["pooling"], "PARTS", ("matrices",))
    with pytest.raises(FileNotFoundError, match="pooling: there is no part 'matrices' in host"):
        LiveFigure("pooling", alt="A figure.")._repr_html_()


def defined(file):
    """Names that a host script defines at its top level."""
    text = file.read_text(encoding="utf-8")
    return set(re.findall(r"^(?:function|const) (\w+)", text, re.MULTILINE))


def called(text):
    """Names of functions that a script calls or hands on, without its comments."""
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    return set(re.findall(r"(?<![\w\])]\.)(?<!\w)(\w+)\(", text)) | set(
        re.findall(r"[(.]map\((\w+)\)", text)
    )


SCRIPTS = {file.stem: defined(file) for file in HOST.glob("*.js")}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_names_the_parts_it_uses_and_no_other(name):
    """Of each part it, or another part of its, uses something; and it uses nothing else."""
    module = _figure.modules()[name]
    parts = ("core", *module.PARTS)
    texts = {part: (HOST / f"{part}.js").read_text(encoding="utf-8") for part in parts}
    texts["own"] = Path(module.__file__).with_name("draw.js").read_text(encoding="utf-8")
    own = set(re.findall(r"(?:const|let|function) (\w+)", texts["own"]))
    for part in module.PARTS:
        others = set().union(*(called(text) for other, text in texts.items() if other != part))
        assert SCRIPTS[part] & others, f"{part} is not used"
    for part in set(SCRIPTS) - set(parts):
        needed = SCRIPTS[part] & called(texts["own"]) - own
        assert not needed, f"{part} is used: {needed}"


def selectors(file):
    text = re.sub(r"/\*.*?\*/", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"@container[^{]*\{", "", text)
    return [
        s.strip()
        for block in re.findall(r"([^{}]+)\{", text)
        for s in re.split(r",(?![^(]*\))", block)
    ]


def classes(text):
    return set(re.findall(r"lf-[a-z0-9-]+", text))


STYLED = [folder for folder in FOLDERS if (folder / "style.css").exists()]


@pytest.mark.parametrize("folder", STYLED, ids=lambda folder: folder.name)
def test_a_figure_s_style_reaches_no_other_figure(folder):
    """Two figures share a page: each rule names the figure, or a class that only it has."""
    style = folder / "style.css"
    files = [
        *HOST.iterdir(),
        *(path for other in FOLDERS if other != folder for path in other.iterdir()),
    ]
    shared = set()
    for file in files:
        if file.suffix in (".css", ".js"):
            shared |= classes(file.read_text(encoding="utf-8"))
    name = folder.name.replace("_", "-")
    for selector in selectors(style):
        assert f'[data-figure="{name}"]' in selector or classes(selector) - shared, selector


def test_what_browser_tests_share_is_no_test():
    """One browser test does not import another: what they share stands in ``figures.py``."""
    files = sorted((PACKAGE.parent / "tests" / "browser").glob("*.py"))
    assert any(file.name == "figures.py" for file in files)
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) test_", text, re.MULTILINE), file.name
