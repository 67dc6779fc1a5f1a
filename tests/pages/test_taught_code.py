"""Code that a page teaches and the package also holds is the same, or gives the same numbers."""

import ast
import functools
import inspect
import textwrap

import page as book
import pytest
import taught

PAGES = book.by_stem(book.PAGES)


def trees(page):
    """Yield the code of a page's cells, parsed anew: `bare` changes it."""
    for cell in book.cells(PAGES[page], "code"):
        yield ast.parse(book.python(cell))


def definition(page, name):
    """Return the first definition of ``name`` on the page, as an ast node."""
    for tree in trees(page):
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
                return node
    raise AssertionError(f"{page} does not define {name}")


def bare(node):
    """Return the code of a definition without docstrings, annotations and comments."""
    for part in ast.walk(node):
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            if ast.get_docstring(part) is not None:
                part.body = part.body[1:] or [ast.Pass()]
        if isinstance(part, ast.FunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None
    return ast.unparse(node)


def namespace(page):
    """Run the page's imports and definitions, nothing else, and return what they define."""
    found = {}
    for tree in trees(page):
        kept = [
            node
            for node in tree.body
            if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))
        ]
        for node in kept:
            # The first definition is the lesson's; a later one belongs to an exercise.
            if getattr(node, "name", None) not in found:
                exec(compile(ast.Module([node], []), page, "exec"), found)
    return found


@pytest.mark.parametrize(("page", "name"), taught.IDENTICAL)
def test_is_identical(page, name):
    source = textwrap.dedent(inspect.getsource(taught.IDENTICAL[page, name]))
    assert bare(definition(page, name)) == bare(ast.parse(source).body[0])


@pytest.mark.parametrize(("page", "name"), taught.EQUAL)
def test_is_equal_in_numbers(page, name):
    definition(page, name)
    taught.EQUAL[page, name](namespace(page)[name])


def test_a_changed_constant_would_be_noticed():
    page, name = next(iter(taught.EQUAL))
    found = namespace(page)
    right = found[name]
    with pytest.raises(AssertionError):
        taught.EQUAL[page, name](lambda *a, **k: right(*a, **k) * 1.001)


@functools.cache
def long_definitions(page):
    """Return {code: name} of a page's definitions with more than four statements."""
    return {
        bare(node): node.name
        for tree in trees(page)
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and len(node.body) > 4
    }


@pytest.mark.parametrize("page", PAGES)
def test_no_definition_is_copied_from_page_to_page(page):
    own = long_definitions(page)
    for other in PAGES:
        copied = [own[code] for code in own.keys() & long_definitions(other).keys()]
        assert other == page or copied == [], f"also in {other}"
