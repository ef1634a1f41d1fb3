"""Microsoft Azure as a provider of koku-core. No hook is implemented yet: the package holds the name, and installing it changes nothing."""

__version__ = "0.1.0"
