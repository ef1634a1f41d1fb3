"""Counts the lines of each plugin by the hook that they are for: `python -m docs.sizes` writes the table of docs/explanation/plugins.md.

A module, or a package of them, belongs to the hook whose module alone imports it, directly or by way of others; what several hooks import
is shared. A template belongs to the hook that names it. Empty lines and comments count, tests do not.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLUGINS = {
    "koku_aws": ROOT / "plugins/koku_aws/src/koku_aws",
    "koku_ocp": ROOT / "plugins/koku_ocp/src/koku_ocp",
    "koku_acme": ROOT / "tests/toy_provider/src/koku_acme",
}
HOOKS = ("download", "normalize", "summarize", "report_map", "cost_model", "sample")
SHARED, NAMES = "shared", "__init__"


def sizes(folder: Path) -> dict[str, int]:
    """The lines of a plugin: of who it is (`__init__`), of each hook, and of what hooks share."""
    modules = dict[str, list[Path]]()
    for path in folder.rglob("*.py"):
        modules.setdefault(path.relative_to(folder).parts[0].removesuffix(".py"), []).append(path)
    imports = {name: {i for p in paths for i in _imports(p, folder.name, modules)} for name, paths in modules.items()}
    reached = {hook: _reached(hook, imports) for hook in HOOKS if hook in modules}
    found = dict.fromkeys((NAMES, *reached, SHARED), 0)
    for name, paths in modules.items():
        found[_owner(name, reached)] += sum(map(_lines, paths))
    for template in folder.glob("sql/*.sql"):
        users = {
            _owner(n, reached)
            for n, paths in modules.items()
            if any(f'"{template.name}"' in p.read_text() for p in paths)
        }
        found[users.pop() if len(users) == 1 else "summarize"] += _lines(template)
    return found


def _owner(module: str, reached: dict[str, set[str]]) -> str:
    """The hook that a module is for."""
    if module in (NAMES, *reached):
        return module
    users = [hook for hook, names in reached.items() if module in names]
    return users[0] if len(users) == 1 else SHARED


def _reached(hook: str, imports: dict[str, set[str]]) -> set[str]:
    """What a hook's module imports, without the other hooks' modules."""
    found, left = set[str](), [hook]
    while left:
        for name in imports[left.pop()] - found - set(HOOKS) - {NAMES}:
            found.add(name)
            left.append(name)
    return found


def _imports(path: Path, package: str, modules: Container[str]) -> Iterator[str]:
    """The modules of its package that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (a.name for a in node.names if a.name in modules)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            yield str(node.module).split(".")[1]


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def table() -> Iterator[str]:
    """The table, with numbers rounded to tens."""
    columns = (NAMES, *HOOKS, SHARED)
    yield f"| plugin | {' | '.join('who it is' if c == NAMES else c.replace('_', ' ') for c in columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for plugin, folder in PLUGINS.items():
        found = sizes(folder)
        yield f"| `{plugin}` | {' | '.join(str(round(found[c], -1)) if c in found else '' for c in columns)} |"


if __name__ == "__main__":
    print("\n".join(table()))
