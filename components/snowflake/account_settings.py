"""Parameters of the whole Snowflake account, and what PUBLIC no longer has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.providers import AdministrativeProviders

#: Snowflake's own database role that lets one call Cortex; an account comes with it granted to PUBLIC.
CORTEX_ROLE = "SNOWFLAKE.CORTEX_USER"


#: What is needed besides, on the account; PUBLIC has it at first (docs.snowflake.com, "Privileges and model access for
#: Cortex AI Functions"). Only ACCOUNTADMIN may grant and revoke it.
USE_AI_FUNCTIONS = "USE AI FUNCTIONS"
#: Its application role that lets everybody use every model: SNOWFLAKE.PUBLIC, which PUBLIC holds, may have it.
EVERY_MODEL = "CORTEX-MODEL-ROLE-ALL"


def model_role(model: str) -> str:
    """The full, quoted name of Snowflake's application role that lets its holders use a Cortex model."""
    return f'"SNOWFLAKE"."CORTEX-MODEL-ROLE-{model.upper()}"'


@dataclass(frozen=True)
class AccountSettingsArgs:
    """`parameters`: Snowflake's names of account parameters and the values that they are to have."""

    parameters: Mapping[str, str]
    providers: AdministrativeProviders


class AccountSettings(Component):
    """States the account parameters that protect patients' data, instead of trusting their defaults."""

    def __init__(self, name: str, args: AccountSettingsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:AccountSettings", name, opts)
        options = self.child_options(args.providers.account_administrator, delete_before_replace=True)
        self.parameters: dict[str, pulumi.Output[str]] = {
            key: self.child(snowflake.AccountParameter(key, key=key, value=value, opts=options)).value
            for key, value in sorted(args.parameters.items())
        }
        self.child(
            snowflake.Execute(
                "cortex-from-public",
                execute=f"REVOKE DATABASE ROLE {CORTEX_ROLE} FROM ROLE PUBLIC",
                revert=f"GRANT DATABASE ROLE {CORTEX_ROLE} TO ROLE PUBLIC",
                opts=options,
            )
        )
        self.child(
            snowflake.Execute(
                "ai-functions-from-public",
                execute=f"REVOKE {USE_AI_FUNCTIONS} ON ACCOUNT FROM ROLE PUBLIC",
                revert=f"GRANT {USE_AI_FUNCTIONS} ON ACCOUNT TO ROLE PUBLIC",
                opts=options,
            )
        )
        self.child(
            snowflake.Execute(
                "models-from-public",
                # No REVOKE reaches what SNOWFLAKE.PUBLIC holds.
                execute=f"CALL SNOWFLAKE.LOCAL.REVOKE_FROM_PUBLIC_APPLICATION_ROLE('APP_ROLE', '{EVERY_MODEL}')",
                revert=f"CALL SNOWFLAKE.LOCAL.GRANT_TO_PUBLIC_APPLICATION_ROLE('APP_ROLE', '{EVERY_MODEL}')",
                opts=options,
            )
        )
        self.register_outputs({"parameters": self.parameters})
