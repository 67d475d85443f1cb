"""Lets ``python -m soak_action`` do what the ``soak`` command does."""

import sys

if __name__ == "__main__":
    try:
        from soak_action.cli import main

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
