"""The service user as which the applications log in."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.providers import AdministrativeProviders


@dataclass(frozen=True)
class ApplicationUserArgs:
    """`rsa_public_key` is one line of base64, with neither header nor footer; `default_role` is granted here."""

    name: str
    rsa_public_key: pulumi.Input[str]
    default_role: pulumi.Input[str]
    default_warehouse: pulumi.Input[str]
    providers: AdministrativeProviders


class ApplicationUser(Component):
    """A user of TYPE=SERVICE: it logs in by its key pair alone and holds no secondary roles by default."""

    def __init__(self, name: str, args: ApplicationUserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:ApplicationUser", name, opts)
        user = self.child(
            snowflake.ServiceUser(
                args.name,
                name=args.name,
                comment="The applications' log-in",
                rsa_public_key=args.rsa_public_key,
                default_role=args.default_role,
                default_warehouse=args.default_warehouse,
                default_secondary_roles_option="NONE",
                opts=self.child_options(args.providers.user_administrator),
            )
        )
        self.child(
            snowflake.GrantAccountRole(
                f"{args.name}-default-role",
                role_name=args.default_role,
                user_name=user.name,
                opts=self.child_options(args.providers.security_administrator, delete_before_replace=True),
            )
        )
        self.user: pulumi.Output[str] = user.name
        self.register_outputs({"user": self.user})
