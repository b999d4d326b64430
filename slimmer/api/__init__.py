"""The functions behind `import slimmer` and every command. They take keyword arguments, return typed results and print nothing.

Diagnostics go to loggers below "slimmer" (logging). They are not shown unless the program asks for it.
"""

import logging

logging.getLogger("slimmer").addHandler(logging.NullHandler())
