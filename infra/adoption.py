"""Takes over what exists: every resource that `nexuschat:imports` names is imported instead of made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pulumi
import pulumi.runtime
import pulumi_snowflake as snowflake

from infra.adoption_settings import FoundColumnSettings, ImportSettings
from infra.words import called

_TABLE = "snowflake:index/table:Table"


@dataclass
class TakingOver:
    """A transformation of every resource: options and columns of those that are named; `unused` are the other names.

    It is a transformation, and no argument of the components, since any resource of any component may be there already,
    and no component is another one for it. The engine reads what is there and plans what differs as an ordinary change;
    as long as the entry stands, it refuses to replace the resource.
    """

    imports: Mapping[str, ImportSettings]
    _used: set[str] = field(default_factory=set)

    @property
    def unused(self) -> list[str]:
        return sorted(self.imports.keys() - self._used)

    def begin(self) -> None:
        """From now on; where nothing is taken over, nothing is looked at."""
        if self.imports:
            pulumi.runtime.register_stack_transformation(self._transform)

    def _transform(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        name = called(args.type_, args.name)
        wanted = self.imports.get(name)
        if wanted is None:
            return None
        self._used.add(name)
        options, props = args.opts, dict(args.props)
        if wanted.id is not None:
            options.import_ = wanted.id
            if args.type_.startswith("azure-native:"):
                # It was there before the stack, and a resource group or a network serves others too.
                options.retain_on_delete = True
        if wanted.keep:
            already = options.ignore_changes or []
            options.ignore_changes = [*already, *(key for key in wanted.keep if key not in already)]
        if wanted.columns and args.type_ == _TABLE:
            props["columns"] = arranged(cast(Sequence[snowflake.TableColumnArgs], props["columns"]), wanted.columns)
        return pulumi.ResourceTransformationResult(props, options)


def arranged(
    declared: Sequence[snowflake.TableColumnArgs], found: Sequence[str | FoundColumnSettings]
) -> list[snowflake.TableColumnArgs]:
    """A table's declared columns in the order in which they were found, with those that stay as they were found."""
    rest = {str(column.name): column for column in declared}
    columns = []
    for each in found:
        if isinstance(each, FoundColumnSettings):
            rest.pop(each.name, None)
            columns.append(_as_found(each))
        elif each in rest:
            columns.append(rest.pop(each))
        else:
            raise pulumi.RunError(f"no column {each} is declared: `./nexus adopt` writes down what is there.")
    return [*columns, *rest.values()]


def _as_found(column: FoundColumnSettings) -> snowflake.TableColumnArgs:
    default = None if column.default is None else snowflake.TableColumnDefaultArgs(constant=column.default)
    return snowflake.TableColumnArgs(
        name=column.name, type=column.type, nullable=column.nullable, comment=column.comment, default=default
    )


def unused_error(unused: Sequence[str], namespace: str) -> pulumi.RunError:
    """For names that nothing declared has: under another name, what exists would be made again."""
    listed = "\n".join(f"  - {namespace}:imports: {name}" for name in unused)
    return pulumi.RunError(
        f"nothing declared is called so; take the line out, or mend its name (a plan tells the names):\n{listed}"
    )
