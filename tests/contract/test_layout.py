"""The rules of the house that no other tool checks, read from the syntax trees of the package."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "scripts" / "soak_action"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
LONGEST_FILE = 400

WRITES_JSON = ("canonical.py", "files.py")
TALKS = ("__main__.py", "cli.py", "commands/", "github/runner.py")
PURE = ("config/layers.py", "gate/", "kpi/series.py", "retention/item.py", "retention/policy.py", "retention/rules/")
IMPURE_MODULES = {
    *("asyncio", "ctypes", "datetime", "fcntl", "glob", "http", "io", "locale", "logging", "msvcrt", "multiprocessing"),
    *("os", "pathlib", "platform", "psutil", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3"),
    *("subprocess", "sys", "tempfile", "threading", "time", "tqdm", "urllib", "uuid"),
}

Finder = Callable[[ast.Module], Iterator[str]]


def is_one_of(name: str, places: tuple[str, ...]) -> bool:
    return any(name.startswith(place) if place.endswith("/") else name == place for place in places)


def imports(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and name of every import, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, node.module or "", alias.name) for alias in node.names)


def attributes(tree: ast.Module, module: str, names: set[str]) -> Iterator[str]:
    """Yield every use of one of `names` of `module`, read as an attribute or imported by name."""
    for node in ast.walk(tree):
        is_member = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if is_member and node.value.id == module and node.attr in names:
            yield f"line {node.lineno}: {module}.{node.attr}"
    for line, imported_module, name in imports(tree):
        if imported_module == module and name in names:
            yield f"line {line}: {module}.{name}"
    yield from (
        f"line {node.lineno}: {module} under another name"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == module and alias.asname
    )


def calls(tree: ast.Module, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield f"line {node.lineno}: {node.func.id}()"


def json_writing(tree: ast.Module) -> Iterator[str]:
    yield from attributes(tree, "json", {"dump", "dumps", "JSONEncoder"})
    yield from attributes(tree, "rfc8785", {"dump", "dumps"})


def talking(tree: ast.Module) -> Iterator[str]:
    yield from attributes(tree, "os", {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
    yield from attributes(tree, "sys", {"stdin", "stdout", "stderr", "argv", "exit"})
    yield from calls(tree, {"print", "input", "exit"})


def impurity(tree: ast.Module) -> Iterator[str]:
    for line, module, _ in imports(tree):
        if module.split(".")[0] in IMPURE_MODULES:
            yield f"line {line}: imports {module}"
    yield from calls(tree, {"open", "print", "input", "__import__"})


def undocumented(tree: ast.Module) -> Iterator[str]:
    if tree.body and not ast.get_docstring(tree):
        yield "line 1: the module"
    for owner in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
        if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
            continue
        for node in owner.body:
            is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if is_definition and not node.name.startswith("_") and not ast.get_docstring(node):
                yield f"line {node.lineno}: {node.name}"


def swallowing(tree: ast.Module) -> Iterator[str]:
    """Yield handlers that catch whatever comes and go on without a word (trap 43)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
            is_broad = any(
                kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
                for kind in caught
            )
            is_silent = all(isinstance(line, ast.Pass | ast.Continue | ast.Return) for line in node.body)
            is_told = any(
                isinstance(part, ast.Name) and part.id == node.name for line in node.body for part in ast.walk(line)
            )
            if is_broad and is_silent and not is_told:
                yield f"line {node.lineno}: except without consequence"


def unmarked_platform_code(tree: ast.Module) -> Iterator[str]:
    """Yield text files opened without saying which encoding; the platforms disagree about it (trap 48)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            words = {keyword.arg for keyword in node.keywords}
            if name == "read_text" and not node.args and "encoding" not in words:
                yield f"line {node.lineno}: read_text without an encoding"
            if name == "write_text" and len(node.args) < 2 and "encoding" not in words:
                yield f"line {node.lineno}: write_text without an encoding"


# rule, what it finds, the files it leaves alone (or, for purity, the only ones it looks at), a text that breaks it
RULES: dict[str, tuple[Finder, Callable[[str], bool], str]] = {
    "only canonical.py and files.py write JSON": (
        json_writing,
        lambda name: not is_one_of(name, WRITES_JSON),
        "import json\njson.dumps({})",
    ),
    "only commands read the environment and print": (
        talking,
        lambda name: not is_one_of(name, TALKS),
        "import os\nHOME = os.environ['HOME']",
    ),
    "decisions are pure": (impurity, lambda name: is_one_of(name, PURE), "def f():\n    import time\n"),
    "what is public is documented": (undocumented, lambda _: True, "'''Doc.'''\ndef measure(): pass"),
    "no exception is swallowed": (swallowing, lambda _: True, "try:\n    f()\nexcept Exception:\n    pass"),
    "text has an encoding": (unmarked_platform_code, lambda _: True, "path.read_text()"),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", FILES)
def test_the_package_keeps_the_rule(name: str, rule: str) -> None:
    finder, applies, _ = RULES[rule]
    if applies(name):
        assert list(finder(ast.parse(FILES[name].read_text("utf-8")))) == [], f"{name}: {rule}"


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_finds_what_breaks_it(rule: str) -> None:
    finder, _, broken = RULES[rule]
    assert list(finder(ast.parse(broken)))


@pytest.mark.parametrize(
    ("finder", "source"),
    [
        (json_writing, "from json import dumps"),
        (json_writing, "import json as j"),
        (talking, "from os import environ"),
        (talking, "import sys\nsys.stdout.write('x')"),
        (talking, "print('x')"),
        (impurity, "from datetime import datetime"),
        (impurity, "import os.path"),
        (impurity, "open('x')"),
        (undocumented, "X = 1"),
        (undocumented, "'''Doc.'''\nclass Public:\n    '''Doc.'''\n    def method(self): pass"),
        (swallowing, "try:\n    f()\nexcept:\n    pass"),
        (swallowing, "try:\n    f()\nexcept (OSError, Exception):\n    return"),
        (unmarked_platform_code, "path.write_text('x')"),
    ],
)
def test_the_rule_sees_through_other_spellings(finder: Finder, source: str) -> None:
    assert list(finder(ast.parse(source)))


@pytest.mark.parametrize(
    ("finder", "source"),
    [
        (json_writing, "import json\njson.loads('{}')"),
        (talking, "import os\nos.replace('a', 'b')"),
        (impurity, "import math\nfrom collections.abc import Sequence"),
        (undocumented, ""),
        (undocumented, "'''Doc.'''\ndef _helper(): pass\nclass _Own:\n    def method(self): pass"),
        (swallowing, "try:\n    f()\nexcept OSError:\n    pass"),
        (swallowing, "try:\n    f()\nexcept Exception as error:\n    raise Other from error"),
        (swallowing, "try:\n    f()\nexcept Exception as error:\n    return report(error)"),
        (unmarked_platform_code, "path.read_text('utf-8')\npath.write_text('x', encoding='utf-8')"),
    ],
)
def test_the_rule_lets_good_code_pass(finder: Finder, source: str) -> None:
    assert list(finder(ast.parse(source))) == []


@pytest.mark.parametrize("name", FILES)
def test_no_file_grows_beyond_what_one_reads_in_one_go(name: str) -> None:
    assert len(FILES[name].read_text("utf-8").splitlines()) <= LONGEST_FILE


def test_the_rules_look_at_the_whole_package() -> None:
    assert {"errors.py", "config/model.py", "evidence/measurements.py"} <= set(FILES)
