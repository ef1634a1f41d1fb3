"""Google Cloud as a provider of koku-core. Without hooks yet: it holds the name, and changes nothing."""

__version__ = "0.1.0"
