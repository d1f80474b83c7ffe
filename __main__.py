"""What plain `pulumi` runs."""

import pulumi

from infra.program import program

pulumi.run(program)
