"""The kit by which a provider's author proves the plugin: inherit a class, and pass.

```python
import koku_acme
from koku_core.testing import ProviderConformance

class TestAcme(ProviderConformance):
    plugin = koku_acme
```

and in `conftest.py`: `from koku_core.testing.fixtures import *`. `EngineConformance`, inherited in the same way, tries the provider's
templates on every engine that is here, `ExecutorConformance` an engine of one's own with every provider. It runs the real library on a real
PostgreSQL; install `koku-core[testing]`. New tests that everybody must pass come with minor releases of koku-core, never with patches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from koku_core.testing.conformance import EngineConformance, ExecutorConformance
    from koku_core.testing.provider import ProviderConformance

__all__ = ["EngineConformance", "ExecutorConformance", "ProviderConformance"]
_REWRITTEN = ("provider", "basic", "answers", "lines", "optional", "conformance", "bench")


def __getattr__(name: str) -> Any:
    """Import pytest only when the class is asked for."""
    if name not in __all__:
        raise AttributeError(name)
    try:
        import pytest
    except ImportError as error:
        raise ImportError("The kit needs pytest: pip install 'koku-core[testing]'") from error
    pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _REWRITTEN))
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{'provider' if name == 'ProviderConformance' else 'conformance'}"), name)
