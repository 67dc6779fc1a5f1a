"""The Sphinx extensions and the script that finds a browser, each on its own."""

import importlib.metadata
import importlib.util
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def load(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def toc(docname, sections):
    """Return a page's own table of contents as Sphinx makes it: links with wrong numbers."""
    root = nodes.bullet_list()
    for anchor, number in sections.items():
        reference = nodes.reference("", docname, anchorname=anchor, refuri=docname)
        reference["secnumber"] = number
        root += nodes.list_item("", nodes.paragraph("", "", reference))
    return root


def environment():
    # Sphinx numbers the sections of 3 first (3.1 is a section) and its pages after them.
    sections = {
        "intro": {"": (1,), "#a": (1, 1)},
        "algorithms": {"": (2,), "#b": (2, 1)},
        "conv": {"": (2, 2), "#c": (2, 2, 1), "#d": (2, 2, 2)},
        "conv_backward": {"": (2, 2, 3)},
        "pooling": {"": (2, 2, 4), "#e": (2, 2, 4, 1)},
        "appendix": {"": (), "#f": ()},
    }
    return SimpleNamespace(
        toctree_includes={
            "index": ["intro", "algorithms", "appendix"],
            "algorithms": ["conv"],
            "conv": ["conv_backward", "pooling"],
        },
        toc_secnumbers=sections,
        tocs={name: toc(name, parts) for name, parts in sections.items()},
        titles={
            name: nodes.title("", name, **({"secnumber": parts[""]} if parts[""] else {}))
            for name, parts in sections.items()
        },
        config=SimpleNamespace(root_doc="index"),
    )


def test_pages_are_numbered_by_their_place_and_sections_are_not():
    env = environment()
    changed = load("page_numbers").renumber(None, env)
    numbers = {name: parts[""] for name, parts in env.toc_secnumbers.items()}
    assert numbers == {
        "intro": (1,),
        "algorithms": (2,),
        "conv": (2, 1),
        "conv_backward": (2, 1, 1),
        "pooling": (2, 1, 2),
        "appendix": (),
    }
    assert set(changed) == {"intro", "algorithms", "conv", "conv_backward", "pooling"}
    assert "secnumber" not in env.titles["appendix"]
    for name in changed:
        assert env.titles[name]["secnumber"] == numbers[name], "links to the page before and after"
        assert not any(n for anchor, n in env.toc_secnumbers[name].items() if anchor)
        for reference in env.tocs[name].findall(nodes.reference):
            if reference["anchorname"]:
                assert "secnumber" not in reference
            else:
                assert reference["secnumber"] == numbers[name]


def test_anchors_of_a_page_can_be_linked_to_and_headings_stay():
    metadata = {"page": {"myst_slugs": {"heading": (2, "id1", "A heading")}}}
    app = SimpleNamespace(env=SimpleNamespace(docname="page", metadata=metadata))
    anchors = load("page_anchors")
    anchors.register_anchors(app, SimpleNamespace(ids={"heading": 1, "equation-a": 2}))
    assert metadata["page"]["myst_slugs"] == {
        "heading": (2, "id1", "A heading"),
        "equation-a": (0, "equation-a", "equation-a"),
    }
    metadata["page"] = {}
    anchors.register_anchors(app, SimpleNamespace(ids={"b": 1}))
    assert metadata["page"]["myst_slugs"] == {"b": (0, "b", "b")}


def builder(folder, format="html"):
    return SimpleNamespace(builder=SimpleNamespace(format=format), outdir=str(folder))


def test_mathjax_and_its_fonts_are_copied_once(tmp_path):
    offline = load("offline_math")
    offline.copy_mathjax(builder(tmp_path), None)
    target = tmp_path / "_static" / "mathjax"
    assert (target / "tex-chtml-full.js").stat().st_size > 500_000
    fonts = list((target / "output/chtml/fonts/woff-v2").glob("*.woff"))
    assert len(fonts) >= 20
    copied = [p for p in target.rglob("*") if p.is_file()]
    assert len(copied) == len(fonts) + 1  # and none of the package's other components
    os.utime(fonts[0], (1, 1))
    offline.copy_mathjax(builder(tmp_path), None)
    assert fonts[0].stat().st_mtime == 1


def test_mathjax_is_copied_into_a_good_html_build_alone(tmp_path):
    offline = load("offline_math")
    offline.copy_mathjax(builder(tmp_path, "latex"), None)
    offline.copy_mathjax(builder(tmp_path), RuntimeError())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("files", [None, []])
def test_a_package_without_mathjax_is_an_error(tmp_path, monkeypatch, files):
    monkeypatch.setattr(importlib.metadata, "files", lambda name: files)
    with pytest.raises(FileNotFoundError, match="found 0 files"):
        load("offline_math").copy_mathjax(builder(tmp_path), None)


@pytest.mark.parametrize("name", ["offline_math", "page_anchors", "page_numbers"])
def test_extensions_say_that_they_work_in_parallel(name):
    connected = []
    app = SimpleNamespace(connect=lambda event, function, priority=500: connected.append(event))
    assert load(name).setup(app)["parallel_read_safe"] is True
    assert len(connected) == 1


def install(folder, *, commands, ci=""):
    """Run install_browser.sh with nothing on PATH but ``commands``: name to shell code."""
    log = folder / "log"
    for name, body in commands.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\necho "{name} $*" >>"{log}"\n{body}\n')
        script.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", TOOLS / "install_browser.sh", folder / "python"],
        env={"PATH": str(folder), "CI": ci},
        capture_output=True,
        text=True,
    )
    return done, log.read_text().splitlines() if log.exists() else []


# playwright's python: the probe reads its script from standard input, the download has arguments.
NO_PLAYWRIGHT = "exit 1"
DOWNLOADS = '[ "$1" = -m ]'
USER, SUPERUSER = "echo 1000", "echo 0"


def test_a_browser_on_the_path_is_enough(tmp_path):
    done, calls = install(tmp_path, commands={"chromium": "", "python": "exit 1"})
    assert done.returncode == 0 and calls == []


def test_playwright_s_own_browser_is_enough(tmp_path):
    done, calls = install(tmp_path, commands={"python": "exit 0"})
    assert done.returncode == 0 and calls == ["python -"]


def test_debian_s_is_installed_as_root(tmp_path):
    commands = {"python": NO_PLAYWRIGHT, "id": SUPERUSER, "apt-get": ""}
    done, calls = install(tmp_path, commands=commands)
    assert done.returncode == 0
    assert next(c for c in calls if c.startswith("apt-get install")).endswith(" chromium")
    assert "python -m playwright install chromium" not in calls


def test_playwright_downloads_where_apt_fails_or_we_are_not_root(tmp_path):
    for name, who, apt in (("a", SUPERUSER, "exit 1"), ("b", USER, "")):
        folder = tmp_path / name
        folder.mkdir()
        commands = {"python": DOWNLOADS, "id": who, "apt-get": apt}
        done, calls = install(folder, commands=commands)
        assert done.returncode == 0
        assert calls[-1] == "python -m playwright install chromium"
        assert ("apt-get update -qq" in calls) == (who == SUPERUSER)


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_a_browser_it_is_loud_and_fails_in_ci(tmp_path, ci, status):
    done, _ = install(tmp_path, commands={"python": NO_PLAYWRIGHT, "id": USER}, ci=ci)
    assert done.returncode == status
    assert "NO BROWSER" in done.stdout
