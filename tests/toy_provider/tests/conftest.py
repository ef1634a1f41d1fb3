from koku_core.testing.fixtures import *  # noqa: F403
