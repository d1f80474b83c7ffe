"""The three things that can be done with a batch: carry it, verify it, take it back."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.failure import BadInputError, FailureError
from cli.migrate import report as reports
from cli.migrate.batch import Batch, Tick
from cli.migrate.journal import SKIPPED, Journal, open_kept
from cli.migrate.mapping import TABLES
from cli.migrate.source import Source
from cli.migrate.target import Address, Connect, Target, open_targets
from cli.migrate.users import UserMap
from emulator.private_file import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_BATCH: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}\Z")
_JOURNAL: Final = "journal.sqlite"
_ROLLED_BACK: Final = "rollback.json"
QUARANTINE: Final = "quarantine.jsonl"
DRY_RUN: Final = "dry-run"
_MENDED: Final = "Mend that, and give the same command again: it takes up what was begun."


@dataclass(frozen=True, slots=True)
class World:
    """Where a migration goes: the account, the folder of the batches, the organisations, and the signer's key.

    `suspended` are those of them whose roles reach nothing.
    """

    account: str
    folder: Path
    addresses: Mapping[str, Address]
    connect: Connect
    key: Callable[[], RSAPrivateKey]
    suspended: frozenset[str] = frozenset()

    def batches(self) -> list[str]:
        """The batches that this machine knows, the oldest first."""
        return batches_in(self.folder)


def batches_in(folder: Path) -> list[str]:
    """The batches whose journals and reports are in a folder, the oldest first."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if _BATCH.match(entry.name))


def told_of(folder: Path, batch: str) -> dict[str, Any]:
    """When a batch was begun, and whether it is finished or was taken back: none of it where it has no journal."""
    with (
        suppress(sqlite3.Error, FileNotFoundError, ValueError),
        closing(open_kept(folder / batch / _JOURNAL)) as journal,
    ):
        return {name: journal.fact(name) for name in ("begun", "finished", "rolled_back")}
    return {}


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One migration at a time: two would both find a key free."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout:
        raise FailureError("another migration is under way: wait until it has ended") from None
    except OSError as error:
        name = f"{Path(error.filename).name}: " if isinstance(error.filename, str) else ""
        raise FailureError(f"{name}{error.strerror or type(error).__name__}. {_MENDED}") from None
    except sqlite3.Error as error:
        raise FailureError(f"the batch's journal: {error}. {_MENDED}") from None


@contextmanager
def _targets(world: World, tenants: Sequence[str]) -> Iterator[dict[str, Target]]:
    try:
        targets = open_targets([world.addresses[tenant] for tenant in tenants], world.connect)
    except ConnectionError as error:
        raise FailureError(f"the tables cannot be reached, and nothing was written:\n{error}") from None
    try:
        yield targets
    finally:
        for target in targets.values():
            target.close()


@contextmanager
def _named_errors(batch: str) -> Iterator[None]:
    """Snowflake's refusals as one message. The statement is in none of them: it could hold content."""
    from snowflake.connector import Error

    try:
        yield
    except Error as error:
        message = " ".join(str(error.msg or type(error).__name__).split())[:500]
        raise FailureError(
            f"Snowflake refused: {message}\nBatch {batch} is not finished: the same command takes it up."
        ) from None


def _assigned(batch: Batch) -> None:
    try:
        batch.read()
    except ValueError as error:
        raise BadInputError(f"the map: {error}") from None


# --- a batch


def dry_run(world: World, source: Source, users: UserMap, tenants: frozenset[str], tick: Tick) -> dict[str, Any]:
    """Say what would be carried, without asking the account anything; the findings lie in the folder `dry-run`."""
    with _alone(world.folder):
        folder = world.folder / DRY_RUN
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        journal = Journal(folder / _JOURNAL)
        try:
            now = _now()
            batch = Batch(DRY_RUN, journal, source, users, frozenset(world.addresses), tenants, now, tick)
            _assigned(batch)
            batch.decide()
            quarantined = batch.write_quarantine(folder / QUARANTINE)
            counts = reports.counts(journal)
            told = _report(world, batch, source.fingerprint(), counts, "DRY RUN", now)
            if suspended := sorted(
                {tenant for (tenant, _), count in _expected(counts).items() if count} & world.suspended
            ):
                told["notes"].append(_suspended(suspended))
            if moved := {user for users_of in _moved(world, batch).values() for user in users_of}:
                told["notes"].append(
                    f"{len(moved)} users of the map were another organisation's in an earlier batch: without --dry-run "
                    "this is refused while that one has rows of theirs"
                )
            told["mismatches"] = [
                problem
                for problem in reports.balance(journal, counts, quarantined, _expected(counts))
                if "damaged" in problem or "accounted" in problem
            ]
            reports.write(told, folder)
        finally:
            journal.close()
        (folder / _JOURNAL).unlink()
        return told


def _suspended(names: Sequence[str], *, others: bool = True) -> str:
    return (
        f"suspended, so that their tables cannot be reached: {', '.join(names)}. Resume first (`./nexus tenants resume "
        f"{names[0]}`, then `./nexus up`){', or name the others with --tenant' if others else ''}."
    )


def _tenants_of(path: Path) -> set[str] | None:
    """The organisations that a batch has documents of, by its journal; None where there is none that can be read."""
    with suppress(sqlite3.Error, FileNotFoundError), closing(open_kept(path)) as journal:
        rows = journal.rows("SELECT DISTINCT tenant FROM document WHERE tenant IS NOT NULL AND fate IS NOT ?", SKIPPED)
        return {tenant for (tenant,) in rows}
    return None


def _moved(world: World, batch: Batch) -> dict[str, set[str]]:
    """Users whom an earlier batch of this machine took for another organisation's: by that one."""
    now = {
        user: tenant
        for user, tenant in batch.journal.rows("SELECT user, tenant FROM organization")
        if tenant in batch.tenants
    }
    moved: dict[str, set[str]] = {}
    for name in world.batches():
        path = world.folder / name / _JOURNAL
        if name == batch.identifier or not path.is_file():
            continue
        # What cannot be read was told of before.
        with suppress(sqlite3.Error), closing(open_kept(path)) as earlier:
            for user, tenant in earlier.rows("SELECT user, tenant FROM organization"):
                if tenant in world.addresses and now.get(user, tenant) != tenant:
                    moved.setdefault(tenant, set()).add(user)
    return moved


def _refuse_moved(world: World, moved: Mapping[str, set[str]]) -> None:
    """Raises `BadInputError` where the former organisation still has rows: it would keep them beside the other."""
    with _targets(world, sorted(moved)) as targets:
        for tenant, target in targets.items():
            found = [(batch, user) for batch, user in target.migrated_users() if user in moved[tenant]]
            if found:
                users, batches = len({user for _, user in found}), sorted({batch for batch, _ in found})
                raise BadInputError(
                    f"the map: {users} of its users have rows in {tenant}, whose they were in an earlier map; it would "
                    "keep them. Nothing was written. Mend the map, or take that batch out of it first:\n"
                    + "\n".join(f"  ./nexus migrate mongo --rollback {each} --tenant {tenant}" for each in batches)
                )


def _expected(counts: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[tuple[str, str], int]:
    rows: dict[tuple[str, str], int] = {}
    for tenant, entries in counts.items():
        for collection, entry in entries.items():
            if entry["table"] and collection != "transactions":
                key = tenant, entry["table"]
                rows[key] = rows.get(key, 0) + entry["written"]
    return rows


def migrate(
    world: World, source: Source, users: UserMap, tenants: frozenset[str], tick: Tick, say: Callable[[str], None]
) -> dict[str, Any]:
    """Carry a batch, or go on with the one that was interrupted. Gives the signed report."""
    with _alone(world.folder):
        fingerprint = source.fingerprint()
        identity = {
            "source": fingerprint,
            "name": source.name,
            "map": users.digest,
            "tenants": sorted(tenants),
            "account": world.account,
        }
        identifier, journal = _unfinished(world, identity, say) or _begun(world, identity)
        folder = world.folder / identifier
        try:
            begun = datetime.fromisoformat(journal.fact("begun"))
            batch = Batch(identifier, journal, source, users, frozenset(world.addresses), tenants, begun, tick)
            _assigned(batch)
            if suspended := sorted(set(batch.needed()) & world.suspended):
                raise BadInputError(_suspended(suspended))
            with _named_errors(identifier):
                _refuse_moved(world, _moved(world, batch))
            with _named_errors(identifier), _targets(world, batch.needed()) as targets:
                batch.look(targets)
                batch.decide()
                batch.carry(targets)
                mismatches = batch.compare(targets)
                written = {
                    (tenant, table): count
                    for tenant, target in targets.items()
                    for table, count in target.counts(identifier).items()
                }
            quarantined = batch.write_quarantine(folder / QUARANTINE)
            counts = reports.counts(journal)
            mismatches += reports.balance(journal, counts, quarantined, written)
            _add_digests(journal, counts)
            told = _report(world, batch, fingerprint, counts, "FAIL" if mismatches else "PASS", _now())
            told["mismatches"] = mismatches
            told = reports.sign(reports.with_text(told), world.key())
            reports.write(told, folder)
            # A batch with a mismatch stays open: the same command takes it up and tries what is missing.
            journal.note(finished=not mismatches)
        finally:
            journal.close()
        return told


def _unfinished(world: World, identity: Mapping[str, Any], say: Callable[[str], None]) -> tuple[str, Journal] | None:
    for name in reversed(world.batches()):
        path = world.folder / name / _JOURNAL
        if not path.is_file():
            continue
        try:
            journal = open_kept(path)
        except sqlite3.Error:
            say(
                f"The journal of batch {name} cannot be read; what that batch wrote is found in the tables all the same"
            )
            continue
        same = journal.fact("identity") == identity
        if same and not journal.fact("finished") and not journal.fact("rolled_back"):
            say(f"Going on with batch {name}, which was not finished")
            return name, journal
        journal.close()
    return None


def _begun(world: World, identity: Mapping[str, Any]) -> tuple[str, Journal]:
    now = _now()
    identifier = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = world.folder / identifier
    folder.mkdir(mode=0o700)
    journal = Journal(folder / _JOURNAL)
    with journal.transaction():
        journal.note(identity=dict(identity), begun=now.isoformat())
    return identifier, journal


def _add_digests(journal: Journal, counts: dict[str, dict[str, dict[str, Any]]]) -> None:
    for tenant, entries in counts.items():
        for collection, entry in entries.items():
            carried = entry["table"] and collection != "transactions" and tenant != reports.NOBODY
            for side, column in (("source", "digest"), ("snowflake", "found")):
                entry[f"sha256_{side}"] = reports.aggregate(journal, column, tenant, collection) if carried else None


def _report(
    world: World, batch: Batch, fingerprint: str, counts: Mapping[str, Any], verdict: str, finished: datetime
) -> dict[str, Any]:
    journal = batch.journal
    notes = list(journal.fact("notes") or [])
    if missing := journal.fact("users_not_found"):
        notes.append(f"{missing} mail addresses of the map belong to nobody in the source")
    return {
        "format": 1,
        "batch": batch.identifier,
        "verdict": verdict,
        "account": world.account,
        "tenants": sorted(batch.tenants),
        "source": {"name": batch.source.name, "sha256": fingerprint},
        "map": {"sha256": batch.users.digest, "users": len(batch.users.organizations)},
        "begun": batch.now.isoformat(),
        "finished": finished.isoformat(),
        "organizations": dict(counts),
        "left_out": journal.fact("left_out") or {},
        "notes": notes,
        "mismatches": [],
    }


# --- later


def _chosen(world: World, batch: str | None) -> str:
    known = world.batches()
    if batch is None:
        if not known:
            raise BadInputError("no batch is known here: name one with --batch")
        return known[-1]
    if not _BATCH.match(batch):
        raise BadInputError(f"{batch!r} is no batch: its id looks like 20260102T030405Z-0a1b2c")
    return batch


def verify(world: World, batch: str | None, source: Source | None, users: UserMap | None, tick: Tick) -> dict[str, Any]:
    """Compute a batch's digests anew and hold them against its signed report.

    The side of Snowflake is always read anew; the side of the documents too where `source` and `users` are given, and
    else it is what was kept of it. Gives a signed report of its own.
    """
    identifier = _chosen(world, batch)
    folder = world.folder / identifier
    try:
        old: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except OSError:
        raise BadInputError(
            f"batch {identifier} has no report here: it was not finished, or not on this machine"
        ) from None
    except ValueError:
        old = {}
    if not reports.is_report(old):
        raise FailureError(
            f"report.json of batch {identifier} is no report any more: it was changed. Take the copy that you kept"
        )
    key = world.key()
    problems = []
    notes = []
    signed_by = reports.signer(old)
    if signed_by is None:
        problems.append("the report is not as it was signed")
    elif signed_by != reports.fingerprint(key.public_key()):
        # Keys are rotated, and reports are kept for years.
        notes.append(f"the report was signed with another key than today's: hold {signed_by} against your records")
    try:
        same_text = reports.is_text_of(old, (folder / "report.txt").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, LookupError, TypeError):
        same_text = False
    if not same_text:
        problems.append("report.txt is not the text that was signed")
    if gone := sorted(reports.carried(old) - frozenset(world.addresses)):
        notes.append(f"no organisations any more, and not looked at: {', '.join(gone)}")
    if (folder / _ROLLED_BACK).exists():
        problems.append("the batch was rolled back")
    with _alone(world.folder), tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / _JOURNAL
        if source is None or users is None:
            try:
                # Opened once, so that what a killed run left in the write-ahead log is in the file.
                open_kept(folder / _JOURNAL).close()
                shutil.copyfile(folder / _JOURNAL, path)
            except OSError:
                raise BadInputError(f"the journal of batch {identifier} is gone: give --from and --map") from None
            except sqlite3.Error as error:
                raise FailureError(f"the journal of batch {identifier}: {error}. Give --from and --map") from None
        elif source.fingerprint() != old["source"]["sha256"]:
            problems.append("what was given with --from is not what the batch was read from")
        journal = Journal(path)
        try:
            problems += _computed(world, identifier, old, journal, source, users, tick)
        finally:
            journal.close()
        told = {
            "format": 1,
            "batch": identifier,
            "verdict": "FAIL" if problems else "PASS",
            "verified": _now().isoformat(),
            "documents": "read anew" if source else "as they were read",
            "notes": notes,
            "mismatches": problems,
        }
        told = reports.sign(told, key)
        write_private(folder / "verification.json", json.dumps(told, indent=2) + "\n")
    return told


def _computed(
    world: World,
    identifier: str,
    old: Mapping[str, Any],
    journal: Journal,
    source: Source | None,
    users: UserMap | None,
    tick: Tick,
) -> list[str]:
    begun = datetime.fromisoformat(old["begun"])
    chosen = frozenset(old["tenants"]) & frozenset(world.addresses)
    nothing = UserMap({}, "")
    batch = Batch(
        identifier, journal, source or _Kept(), users or nothing, frozenset(world.addresses), chosen, begun, tick
    )
    # What the report says was carried is looked for, whatever the journal still knows of it.
    needed = reports.carried(old)
    if source is not None and users is not None:
        _assigned(batch)
        needed |= set(batch.needed())
    else:
        needed |= {tenant for (tenant,) in journal.rows(_CARRIED)}
    needed &= chosen
    if suspended := sorted(needed & world.suspended):
        raise FailureError(_suspended(suspended, others=False))
    with _named_errors(identifier), _targets(world, sorted(needed)) as targets:
        if source is not None and users is not None:
            batch.look(targets)
            batch.decide()
            batch.carry(targets, write=False)
        problems = batch.compare(targets)
    return problems + reports.differences(old, journal, sorted(needed))


_CARRIED: Final = "SELECT DISTINCT tenant FROM document WHERE digest IS NOT NULL"


class _Kept:
    """Stands where no source was given: nothing is read from it."""

    name = ""

    def __init__(self) -> None:
        from cli.migrate.source import Meter

        self.meter = Meter()

    def fingerprint(self) -> str:
        raise AssertionError("nothing is read")

    def items(self) -> Iterator[Any]:
        raise AssertionError("nothing is read")

    def close(self) -> None:
        """Nothing was opened."""


def rollback(world: World, batch: str, tenants: frozenset[str], *, even_if_used: bool) -> dict[str, Any]:
    """Take a batch's rows out of the tables again, of these organisations. Gives what was taken out.

    Raises `FailureError` where the application has gone on with a conversation of the batch, unless `even_if_used`.
    """
    identifier = _chosen(world, batch)
    folder = world.folder / identifier
    # One that is suspended cannot be asked; only a batch that has nothing of it is taken back without.
    has = _tenants_of(folder / _JOURNAL)
    if suspended := sorted(tenant for tenant in tenants & world.suspended if has is None or tenant in has):
        raise BadInputError(_suspended(suspended))
    asked = sorted(tenants - world.suspended)
    with _alone(world.folder), _named_errors(identifier), _targets(world, asked) as targets:
        used = {tenant: count for tenant, target in targets.items() if (count := target.built_upon(identifier))}
        if used and not even_if_used:
            listed = ", ".join(f"{tenant}: {count} messages" for tenant, count in used.items())
            raise FailureError(
                f"conversations of batch {identifier} have been gone on with ({listed}); these messages would lose "
                "their conversation. Nothing was changed. With --even-if-used the batch is taken back all the same."
            )
        removed: dict[str, dict[str, int]] = {}
        for tenant, target in targets.items():
            counts = removed[tenant] = {}

            def work(target: Target = target, counts: dict[str, int] = counts) -> None:
                for table in TABLES.values():
                    if count := target.delete(table, identifier):
                        counts[table.name] = count

            target.transaction(work)
        left = sum(sum(target.counts(identifier).values()) for target in targets.values())
        told = {
            "format": 1,
            "batch": identifier,
            "verdict": "FAIL" if left else "PASS",
            "rolled_back": _now().isoformat(),
            "removed": removed,
            "left": left,
        }
        path = folder / _JOURNAL
        if path.is_file():
            # Its rows are out whatever becomes of the journal, and the folder says so.
            with suppress(sqlite3.Error), closing(open_kept(path)) as journal:
                if frozenset((journal.fact("identity") or {}).get("tenants", ())) <= tenants:
                    journal.note(rolled_back=told["rolled_back"])
            told = reports.sign(told, world.key())
            write_private(folder / _ROLLED_BACK, json.dumps(told, indent=2) + "\n")
        elif not any(removed.values()):
            raise FailureError(f"no organisation has rows of batch {identifier}, and this machine does not know it")
    return told
