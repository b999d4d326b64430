"""The functions behind `import slimmer` and behind every command: keyword arguments in, typed results out, nothing printed.

Diagnostics go to loggers below "slimmer" (logging). Nothing is shown of them unless the program asks for it.
"""

import logging

logging.getLogger("slimmer").addHandler(logging.NullHandler())
