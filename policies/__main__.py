"""What Pulumi's engine starts as the policy pack, in this folder."""

import sys
from pathlib import Path

# This folder stands first on the path, and some of its packages have the names of others (snowflake, azure): only the
# folder around it may stand there. For the same reason none may have the name of a module of the standard library.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from policies.pack import serve  # noqa: E402 - only then is it found

serve()
