"""The policy pack in the command's own runs: what the engine is given, and what it tells of every policy.

The engine itself runs the pack (`--policy-pack policies`), as with plain Pulumi. A mandatory violation fails a preview;
`up` judges by a preview before it writes anything, unless the very same was judged before: the same program, settings,
pack and day. docs/decisions/0005-policies-before-writing.md says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli import clock
from cli.place import ROOT, Place
from policies.catalogue import POLICIES
from policies.judge import Judgement, PolicyException, Status, Verdict
from policies.policy import Violation

if TYPE_CHECKING:
    from cli.progress import Progress
    from infra.settings import Settings

PACK: Final = ROOT / "policies"
EXCEPTED: Final = "Excepted: "
EXPIRED: Final = "its exception ran out on "
NOT_JUDGED: Final = "not judged: "
"""How the pack's messages begin, or what they hold: policies/pack.py, and a test holds the two together."""


_NO_CONFIGURATION: Final = ROOT / "cli" / "no_policy_configuration.json"


def with_own(packs: Iterable[Path]) -> list[Path]:
    """This deployment's own pack, and then those that a run is given beside it."""
    return [PACK, *(pack for pack in packs if pack != PACK)]


def configurations(stack: str, packs: Iterable[Path]) -> list[str] | None:
    """For each pack the file of its configuration; None where none has one. The engine wants all or none."""
    own = configuration_of(stack)
    if own is None:
        return None
    return [str(own if pack == PACK else _NO_CONFIGURATION) for pack in packs]


def configuration_of(stack: str) -> Path | None:
    """The pack's configuration for a stack, by Pulumi's own format, where there is one: policies.<stack>.json."""
    file = ROOT / f"policies.{stack}.json"
    return file if file.is_file() else None


def exceptions(settings: Settings) -> list[PolicyException]:
    """The exceptions that a stack's settings declare, as the judge takes them."""
    return [
        PolicyException(each.resource, each.policy, each.reason, each.acceptedBy, each.expires)
        for each in settings.policy_exceptions
    ]


def judgement_of(progress: Progress, settings: Settings, *, today: date | None = None) -> Judgement:
    """Every policy's verdict, from what the engine told of a judged run."""
    day = today or clock.today()
    known = exceptions(settings)
    by_policy: dict[str, list[Violation]] = {}
    excepted: dict[str, list[tuple[Violation, PolicyException]]] = {}
    expired: dict[str, list[tuple[Violation, PolicyException]]] = {}
    for policy, urn, message in progress.judged:
        violation = Violation(policy, urn, message.removeprefix(EXCEPTED), NOT_JUDGED in message)
        about = [exception for exception in known if exception.covers(violation)]
        holding = next((exception for exception in about if exception.in_date(day)), None)
        if message.startswith(EXCEPTED) and holding is not None:
            excepted.setdefault(policy, []).append((violation, holding))
            continue
        by_policy.setdefault(policy, []).append(violation)
        expired.setdefault(policy, []).extend((violation, exception) for exception in about)
    verdicts = []
    for declared in POLICIES:
        counting, accepted = by_policy.get(declared.id, []), excepted.get(declared.id, [])
        late = expired.get(declared.id, [])
        status = Status.PASSED
        if counting:
            status = Status.EXPIRED_EXCEPTION if late else Status.VIOLATED
        elif accepted:
            status = Status.EXCEPTED
        verdicts.append(Verdict(declared, status, tuple(counting), tuple(accepted), tuple(late)))
    return Judgement(tuple(verdicts))


# ── what was judged before ───────────────────────────────────────────────────────────────────────────────────────────


def is_judged(place: Place, program: str, packs: Sequence[Path]) -> bool:
    """Whether no pack is asked for, or a preview has judged exactly this on this day, and found nothing.

    `program` stands for the program, its settings and its packages (`cli.guard.inputs_digest`).
    """
    if not packs:
        return True
    try:
        known = json.loads(place.judged.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(known == {"passed": _digest(program, packs, place.stack)})


def note_passed(place: Place, program: str, packs: Sequence[Path]) -> None:
    """Write down that a preview judged this and found nothing."""
    if packs:
        known = {"passed": _digest(program, packs, place.stack)}
        place.judged.write_text(json.dumps(known), encoding="utf-8")


def _digest(program: str, packs: Iterable[Path], stack: str) -> str:
    """Of all that a judgement follows from: the program with its settings, the packs, their configuration, the day."""
    found = hashlib.sha256(f"{program} {clock.today()}".encode())
    for pack in packs:
        for file in sorted(pack.rglob("*")):
            if file.suffix in (".py", ".yaml") and "__pycache__" not in file.parts:
                found.update(f"\0{file.relative_to(pack)}\0".encode() + file.read_bytes())
    configuration = configuration_of(stack)
    if configuration is not None:
        found.update(configuration.read_bytes())
    return found.hexdigest()
