"""A run of the real engine on a cloud that holds the toy package: `python -m tests.cli.toy_run VERB NAME[=SIZE]…`.
`NEXUS_TEST_POLICY_PACK` names a policy pack to judge it by.

The things are made one after the other, in the order in which they are named.
It is what the verbs do, with another program and another cloud. The last line is the answer in JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pulumi

from cli import configuration
from cli.cloud import starting
from cli.deployment import EmbeddedRun, Request, Verb, explain, only_run, run_embedded
from cli.failure import FailureError
from cli.place import Place
from cli.progress import Progress
from cli.run import remove
from tests.cli.toy import CONTENTS, Thing


def run(verb: Verb, wanted: dict[str, str]) -> dict[str, object]:
    def program() -> None:
        made: list[Thing] = []
        for name, size in wanted.items():
            if not size.isdigit():
                raise TypeError("a thing's size is a number")
            made.append(Thing(name, int(size), made[-1:]))
        pulumi.export("things", sorted(wanted))

    pack = os.environ.get("NEXUS_TEST_POLICY_PACK")
    request = Request(verb, "local", policy_packs=[Path(pack)] if pack else [])
    place = Place.of("local")
    settings = configuration.load("local")
    with only_run(place, verb):
        place.prepare()
        with starting(place, CONTENTS) as cloud:
            ready = EmbeddedRun(place, settings, cloud)
            progress = Progress(verb)
            outcome = run_embedded(request, ready, progress, program=program)
            if outcome.succeeded and verb == "destroy":
                remove(ready)
    problems = [] if outcome.succeeded else explain(outcome, place.directory / "run.log")
    return {
        "succeeded": outcome.succeeded,
        "changes": {key: count for key, count in progress.as_json()["changes"].items() if count},
        "violations": [str(violation) for violation in progress.violations],
        "errors": [str(problem) for problem in problems],
        "notes": outcome.notes,
        "outputs": progress.outputs,
    }


def wanted_of(arguments: list[str]) -> dict[str, str]:
    return {name: size or "1" for name, _, size in (argument.partition("=") for argument in arguments)}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    try:
        verb: Verb = sys.argv[1]  # type: ignore[assignment]
        print(json.dumps(run(verb, wanted_of(sys.argv[2:]))))
    except FailureError as failure:
        print(json.dumps({"failure": str(failure)}))
        sys.exit(failure.exit_code)
