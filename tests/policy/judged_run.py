"""Previews a stack on an embedded cloud of its own, judged by the pack, and prints what the policies said, as JSON.

python tests/policy/judged_run.py STACK TENANTS_FILE [mutated]
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from mutations import EXCEPTION, MUTATIONS, Mutation, declare_more  # noqa: E402

from cli import configuration, deployment  # noqa: E402
from cli.judgement import PACK, judgement_of  # noqa: E402
from cli.progress import Progress, name_of  # noqa: E402
from cli.rehearse import embedded_only, filled, throw_away  # noqa: E402

#: So that there is a host name of one's own to mutate.
SETTINGS = ["azure.edge={custom_domains: {site: www.videxa.example}}", f"policyExceptions=[{json.dumps(EXCEPTION)}]"]


def mutated(applied: set[str]) -> Callable[[], Any]:
    """The program with every mutation; `applied` gets the policies whose mutation found its resource."""
    deployment.load_program()
    import pulumi

    from infra.program import program

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        meant = [one for one in MUTATIONS if _is_meant(one, args.type_, args.name)]
        if not meant:
            return None
        props = dict(args.props)
        for one in meant:
            for path, value in (one.set or {}).items():
                _change(props, path.split("."), value)
            for path, value in (one.append or {}).items():
                _change(props, [*path.split("."), "+"], value)
            applied.add(one.policy)
        return pulumi.ResourceTransformResult(props, args.opts)

    async def changed() -> Any:
        pulumi.runtime.register_resource_transform(transform)
        outputs = await program()
        declare_more()
        await asyncio.sleep(0)
        return outputs

    return lambda: pulumi.run(changed)


def _is_meant(one: Mutation, type_: str, name: str) -> bool:
    if one.set is None and one.append is None:
        return False
    own = type_.startswith(("azure-native:", "snowflake:")) and name == one.resource
    return own and (not one.kind or type_.rpartition(":")[2] == one.kind)


def _change(container: Any, path: list[str], value: Any) -> None:
    """Set a value in plain mappings and lists; in a list of variables a name stands for its place."""
    key, *rest = path
    if isinstance(container, list):
        if key == "+":
            container.append(value)
            return
        if not key.isdigit():
            (found,) = (one for one in container if one["name"] == key)
            found["value"] = value
            return
        _change(container[int(key)], rest, value)
        return
    if not rest:
        if value is None:
            del container[key]
        else:
            container[key] = value
        return
    inner = container[key]
    container[key] = dict(inner) if isinstance(inner, Mapping) else list(inner)
    _change(container[key], rest, value)


def main(stack: str, tenants_file: str, *, with_mutations: bool) -> dict[str, Any]:
    embedded_only()
    overrides = [f"tenants_file={tenants_file}", *(SETTINGS if with_mutations else ())]
    settings, _ = filled(configuration.load(stack, overrides))
    checked = deployment.check_settings(settings)
    progress = Progress("preview")
    applied: set[str] = set()
    with throw_away(stack, settings, checked, "preview") as run:
        request = deployment.Request("preview", stack, policy_packs=[PACK])
        program = mutated(applied) if with_mutations else None
        outcome = deployment.run_embedded(request, run, progress, program=program)
    return {
        "succeeded": outcome.succeeded,
        "problems": [str(problem) for problem in progress.problems],
        "judged": sorted(
            {(policy, name_of(urn) if "pulumi:Stack" not in urn else "") for policy, urn, _ in progress.judged}
        ),
        "messages": [f"{policy} {urn}: {message}" for policy, urn, message in progress.judged],
        "violated": [verdict.policy.id for verdict in judgement_of(progress, checked).verdicts if verdict.violations],
        "applied": sorted(applied),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], with_mutations=sys.argv[3:] == ["mutated"])))
