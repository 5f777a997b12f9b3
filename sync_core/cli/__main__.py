"""Makes `python -m sync_core.cli` the same as the console script `dualway`."""

from sync_core.cli import main

if __name__ == "__main__":
    main()
