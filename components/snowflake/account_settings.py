"""Parameters of the whole Snowflake account."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.providers import AdministrativeProviders


@dataclass(frozen=True)
class AccountSettingsArgs:
    """`cortex_cross_region`: where Cortex may process a prompt outside the account's region, or DISABLED."""

    cortex_cross_region: str
    providers: AdministrativeProviders


class AccountSettings(Component):
    """States the account parameters that protect patients' data, instead of trusting their defaults."""

    def __init__(self, name: str, args: AccountSettingsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:AccountSettings", name, opts)
        parameter = self.child(
            snowflake.AccountParameter(
                "CORTEX_ENABLED_CROSS_REGION",
                key="CORTEX_ENABLED_CROSS_REGION",
                value=args.cortex_cross_region,
                opts=self.child_options(args.providers.account_administrator, delete_before_replace=True),
            )
        )
        self.cortex_cross_region: pulumi.Output[str] = parameter.value
        self.register_outputs({"cortex_cross_region": self.cortex_cross_region})
