"""``python -m cli`` is ``game2048``."""

import sys

from cli.main import main

sys.exit(main())
