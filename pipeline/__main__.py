"""`python -m pipeline …` is `nightcast …`."""

import sys

from pipeline.cli import main

if __name__ == "__main__":
    sys.exit(main())
