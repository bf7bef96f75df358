"""``python -m workbench`` is the command ``cifar-workbench``."""

import sys

from workbench.cli import main

sys.exit(main())
