"""`python -m koku_core.cli`: how `koku serve` starts its worker."""

from koku_core.cli import main

main()
