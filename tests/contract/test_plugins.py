"""Plugins: what is installed is what is there; a broken one warns, two of one name are an error."""

from __future__ import annotations

import ast
import importlib
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import koku_ocp
from koku_core import hookimpl, hookspecs
from koku_core.errors import PluginError, UnknownName
from koku_core.executors.postgres import PostgresExecutor
from koku_core.koku import Koku
from koku_core.plugins import Plugins, PluginWarning
from koku_core.settings import Settings


def install(folder: Path, name: str, version: str, body: str) -> None:
    """What pip leaves behind of a distribution with one module and an entry point."""
    (folder / f"{name.replace('-', '_')}.py").write_text(textwrap.dedent(body))
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[koku]\n{name.removeprefix('koku-')} = {name.replace('-', '_')}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


def test_the_built_in_plugin_is_found_like_any_other() -> None:
    plugins = Plugins(("ocp",))
    assert [p.name for p in plugins] == ["ocp"]
    assert [(f.name, f.distribution, f.error) for f in plugins.found] == [("ocp", "koku-ocp", "")]
    assert "koku_normalize" in plugins.found[0].hooks


def test_a_broken_plugin_is_a_warning_that_names_package_version_and_cause(site: Path) -> None:
    install(site, "koku-broken", "2.7", "raise RuntimeError('no library for that')")
    with pytest.warns(PluginWarning, match=r"koku-broken 2\.7 cannot be used: RuntimeError: no library for that"):
        plugins = Plugins()
    assert plugins.provider("ocp")
    assert next(f for f in plugins.found if f.name == "broken").error


def test_a_plugin_with_a_hook_that_does_not_exist_is_a_warning(site: Path) -> None:
    install(site, "koku-typo", "1", "from koku_core import hookimpl\n@hookimpl\ndef koku_provder(): ...\n")
    with pytest.warns(PluginWarning, match="koku_provder"):
        Plugins(("ocp", "typo"))


def test_a_plugin_written_for_another_version_of_the_hooks_is_a_warning() -> None:
    class Old:
        @hookimpl
        def koku_provider(self) -> object:
            return replace(koku_ocp.koku_provider(), name="old", hooks=hookspecs.VERSION + 1)

    with pytest.warns(PluginWarning, match=f"hook version {hookspecs.VERSION + 1}, this is {hookspecs.VERSION}"):
        Plugins((), extra={"old": Old()})


def test_two_plugins_of_one_provider_are_an_error_that_names_both(site: Path) -> None:
    install(site, "koku-copycat", "1", "from koku_ocp import *\nfrom koku_ocp import koku_provider\n")
    with pytest.raises(PluginError, match=r"(?=.*koku-ocp)(?=.*koku-copycat)"):
        Plugins()


def test_a_name_that_is_not_installed_lists_those_that_are() -> None:
    with pytest.raises(UnknownName, match=r"no plugin 'nonesuch'. Known: .*ocp"):
        Plugins(("nonesuch",))


@pytest.mark.parametrize("declared", [{"package": "no_such_package"}, {"engine": "no_such_engine"}])
def test_an_executor_without_macros_is_an_error_that_says_what_it_must_bring(
    declared: dict[str, str], settings: Settings
) -> None:
    kind = type("Mine", (PostgresExecutor,), declared)
    engines = SimpleNamespace(koku_executors=hookimpl(lambda: {"mine": kind}, specname="koku_executors"))
    plugins = Plugins((), extra={"engines": engines})
    with pytest.raises(PluginError, match=r"executor mine .*Mine must name .* sql/macros/ENGINE\.sql"):
        Koku.open(settings=settings.model_copy(update={"executor": "mine", "plugins": None}), plugins=plugins)


def test_a_hook_is_called_for_one_plugin_alone() -> None:
    class Other:
        called = False

        @hookimpl
        def koku_provider(self) -> object:
            return replace(koku_ocp.koku_provider(), name="other", family="OTHER", api_path="other", source_types=())

        @hookimpl
        def koku_summarize(self) -> object:
            self.called = True
            return SimpleNamespace(fact="other's")

    other = Other()
    plugins = Plugins(("ocp",), extra={"other": other})
    assert plugins.provider("ocp").summary.fact.name == "ocp_daily_summary"
    assert not other.called
    assert str(plugins.provider("other").summary.fact) == "other's"
    with pytest.raises(PluginError, match="does not implement koku_download"):
        plugins.provider("other").call("koku_download", source=None, state={}, folder=Path())


def test_every_hook_says_what_it_is_for() -> None:
    hooks = [h for name, h in vars(hookspecs).items() if name.startswith("koku_")]
    assert len(hooks) >= 8
    assert all(h.__doc__ and len(h.__doc__) > 40 for h in hooks)


def test_the_core_names_no_provider() -> None:
    core = Path(sys.modules["koku_core"].__file__ or "").parent
    words = ("koku_ocp", "koku_aws", "koku_azure", "koku_gcp", "openshift", "amazon", "cluster_id")
    named = [
        f"{path.relative_to(core)}: {text}"
        for path in core.rglob("*.py")
        for text in _code(path)
        if any(word in text.lower() for word in words)
    ]
    assert named == []


def _code(path: Path) -> list[str]:
    """The names and texts in a module, without docstrings."""
    tree = ast.parse(path.read_text())
    docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
    found = [
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in docs
    ]
    found += [n.name for n in ast.walk(tree) if isinstance(n, ast.alias)]
    return found + [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
