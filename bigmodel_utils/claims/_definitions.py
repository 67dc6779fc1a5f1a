"""The definitions of the package that a piece of code reaches, looked up by module and name."""

import ast

__all__ = ["Package", "names_stored"]

ROOM = "bigmodel_utils"
# They check what comes in, draw or put into words what comes out; no result depends on them.
_WITHOUT_EFFECT = {
    f"{ROOM}.{name}"
    for name in (
        "arguments",
        "cards",
        "claims",
        "disguise",
        "drawn",
        "ledger",
        "live",
        "plotting",
        "words",
    )
}


class Package:
    """The package's definitions, looked up by module and name."""

    def __init__(self, root):
        self.root, self.modules = root, {}

    def reached_from(self, statements):
        """Return {(module, name): node} of all definitions that statements reach by name."""
        found, todo = {}, []
        aliases = {}
        for statement in statements:
            aliases |= self.imports(statement, "page")
        todo += [(aliases, statement) for statement in statements]
        while todo:
            aliases, node = todo.pop()
            for module, name in self.uses(aliases, node):
                place = self.definition(module, name)
                if place is None or place in found:
                    continue
                found[place] = self.module(place[0])["definitions"][place[1]]
                inside = self.module(place[0])
                todo.append((inside["imports"] | inside["own"], found[place]))
        return found

    def files_of(self, reached):
        """Return the data files beside the modules that reached definitions name, in order."""
        found, beside = set(), {}
        for (module, _), node in reached.items():
            folder = self.path(module).parent
            if folder not in beside:
                beside[folder] = {f.name: f for f in folder.iterdir() if f.is_file()}
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and part.value in beside[folder]:
                    found.add(beside[folder][part.value])
        return sorted(found)

    def uses(self, aliases, node):
        """Yield (module, name) for each name of the package that a node reads."""
        aliases = aliases | self.imports(node, "")
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in aliases:
                module, name = aliases[part.id]
                if name is not None:
                    yield module, name
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                module, name = aliases.get(part.value.id, ("", ""))
                if module and name is None:
                    yield module, part.attr

    def definition(self, module, name):
        """Follow doors to the (module, name) that defines a name; None if outside or no effect."""
        while True:
            if any(module == m or module.startswith(m + ".") for m in _WITHOUT_EFFECT):
                return None
            content = self.module(module)
            if content is None:
                return None
            if name in content["definitions"]:
                return module, name
            if name not in content["imports"]:
                return None
            module, name = content["imports"][name]
            if name is None:
                return None

    def imports(self, node, module):
        """Return {alias: (module, name)} of the package's names that a node imports."""
        found = {}
        for part in ast.walk(node):
            if isinstance(part, ast.ImportFrom) and (part.module or "").split(".")[0] == ROOM:
                for alias in part.names:
                    inner = f"{part.module}.{alias.name}"
                    is_module = self.path(inner) is not None
                    target = (inner, None) if is_module else (part.module, alias.name)
                    found[alias.asname or alias.name] = target
            elif isinstance(part, ast.Import):
                for alias in part.names:
                    if alias.name.split(".")[0] == ROOM and alias.asname:
                        found[alias.asname] = (alias.name, None)
        return found

    def module(self, name):
        """Return a module's definitions and imports, or None if the package has no such module."""
        if name not in self.modules:
            path = self.path(name)
            self.modules[name] = None if path is None else self.parsed(name, path)
        return self.modules[name]

    def parsed(self, name, path):
        """Read a module: the statements that define names at its top, and what it imports."""
        definitions, imports = {}, {}
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                imports |= self.imports(statement, name)
                continue
            for bound in names_stored(statement)[0]:
                definitions[bound] = statement
        definitions.pop("__all__", None)
        return {
            "definitions": definitions,
            "imports": imports,
            "own": {bound: (name, bound) for bound in definitions},
        }

    def path(self, name):
        """Return the file of a module of the package, or None."""
        parts = name.split(".")[1:]
        if name.split(".")[0] != ROOM:
            return None
        place = self.root.joinpath(*parts)
        for path in (place / "__init__.py", place.with_suffix(".py") if parts else place):
            if path.is_file():
                return path
        return None


def names_stored(statement):
    """Return the names that a statement binds and those whose values it changes in place."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}, set()
    stored, changed = set(), set()
    for node in _outside_functions(statement):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            stored.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            stored |= {(a.asname or a.name).split(".")[0] for a in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.add(node.id)
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            changed |= _root(node)
        elif isinstance(node, ast.AugAssign):
            changed |= _root(node.target)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            changed |= _root(node.value.func)
    return stored, changed


def _outside_functions(statement):
    todo = [statement]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        todo += ast.iter_child_nodes(node)


def _root(node):
    """The name at the root of ``a.b[c].d``; of a plain name, nothing is changed in place."""
    below = node
    while isinstance(below, (ast.Attribute, ast.Subscript)):
        below = below.value
    return {below.id} if isinstance(below, ast.Name) and below is not node else set()
