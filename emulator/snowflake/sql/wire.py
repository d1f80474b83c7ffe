"""Snowflake's wire protocol: log-in by key pair, statements, results. Any official client can speak to it.

Source: the open source of Snowflake's own connectors (Python, JDBC, Go), which fix paths, fields and codes.
"""

from __future__ import annotations

import gzip
import hmac
import json
import logging
import secrets
import time as clock
import uuid
import zlib
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator.snowflake.account import Account, ObjectName, Session, SnowflakeError
from emulator.snowflake.account.keys import fingerprint as fingerprint_of
from emulator.snowflake.account.parameters import parameters_of
from emulator.snowflake.sql.connection import Connection
from emulator.snowflake.sql.results import Result, StatementType
from emulator.snowflake.sql.syntax import split

_log = logging.getLogger(__name__)

SERVER_VERSION = "10.0.0"
_TOKEN_SECONDS = 3_600
_MASTER_SECONDS = 14_400
_LEAST_IDLE_SECONDS = 300
"""The shortest time that a session policy can let a session be idle."""
_LONGEST_JWT = timedelta(hours=1)
_CLOCK_SKEW = timedelta(seconds=60)
_MULTIPLE = 0xA000
_KEPT_ERRORS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Answer = dict[str, Any]


@dataclass(slots=True)
class _Client:
    """One logged-in client."""

    connection: Connection
    master_token: str
    address: str | None
    token_since: float
    """When it was given its token, on the clock of the protocol."""
    used: float
    """When it last asked for anything."""
    errors: OrderedDict[str, SnowflakeError] = field(default_factory=OrderedDict)


class Wire:
    """The protocol over one account. `routes` are to be mounted at the root; `close` ends every session.

    `now` tells seconds that pass: a token ends after an hour, a session when it was idle for as long as its session
    policy says, four hours without one.
    """

    def __init__(self, account: Account, now: Callable[[], float] = clock.monotonic) -> None:
        self._account = account
        self._now = now
        self._clients: dict[str, _Client] = {}

    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            Route("/session/v1/login-request", self._login, methods=["POST"]),
            Route("/session/token-request", self._renew, methods=["POST"]),
            Route("/session/heartbeat", self._heartbeat, methods=["POST"]),
            Route("/session", self._session, methods=["POST"]),
            Route("/queries/v1/query-request", self._query, methods=["POST"]),
            Route("/queries/v1/abort-request", self._abort, methods=["POST"]),
            Route("/queries/{query_id}/result", self._result, methods=["GET"]),
            Route("/monitoring/queries/{query_id}", self._monitoring, methods=["GET"]),
            Route("/telemetry/send", self._telemetry, methods=["POST"]),
        ]

    def close(self) -> None:
        """End every session; their open transactions are undone."""
        while self._clients:
            _, client = self._clients.popitem()
            client.connection.close()

    # --- log-in

    async def _login(self, request: Request) -> JSONResponse:
        body = await _body(request)
        try:
            address = request.client.host if request.client else None
            return JSONResponse(await run_in_threadpool(self._log_in, dict(request.query_params), body, address))
        except SnowflakeError as error:
            return JSONResponse(_failure(error))

    def _log_in(self, query: dict[str, str], body: Answer, address: str | None) -> Answer:
        data = body.get("data")
        if not isinstance(data, dict):
            raise SnowflakeError(390100, "08001", "The log-in request has no data.")
        client_type, version = str(data.get("CLIENT_APP_ID") or ""), str(data.get("CLIENT_APP_VERSION") or "")
        self._end_idle()
        with self._account.lock:
            try:
                user = self._authenticated_user(data)
                self._account.require_network(user, address)
                self._account.require_authentication(user, "KEYPAIR", "DRIVERS")
                session = self._open(user, query, data)
            except SnowflakeError as error:
                name = str(data.get("LOGIN_NAME") or "").upper()
                self._account.note_log_in(name, address, client_type, version, error=error)
                raise
            self._account.note_log_in(user, address, client_type, version, session=session)
            connection = Connection(session)
            connection.client, connection.address = f"{client_type} {version}".strip(), address
            client = _Client(connection, secrets.token_urlsafe(48), address, self._now(), self._now())
            client.connection.client_settings = dict(data.get("SESSION_PARAMETERS") or {})
            token = secrets.token_urlsafe(48)
            self._clients[token] = client
            return {"data": self._welcome(token, client), "message": None, "code": None, "success": True}

    def _authenticated_user(self, data: Answer) -> str:
        login = str(data.get("LOGIN_NAME") or "")
        authenticator = str(data.get("AUTHENTICATOR") or "SNOWFLAKE").upper()
        if authenticator != "SNOWFLAKE_JWT":
            # Nobody has a password here, and there is no other service to ask.
            raise SnowflakeError(390100, "08001", "Incorrect username or password was specified.")
        return verify_key_pair(self._account, login, str(data.get("TOKEN") or ""))

    def _open(self, user: str, query: dict[str, str], data: Answer) -> Session:
        account = self._account
        role = query.get("roleName")
        # Clients also send settings of their own, which are none of the account's business.
        known = parameters_of("SESSION")
        parameters = {
            key: value
            for key, value in (data.get("SESSION_PARAMETERS") or {}).items()
            if key.upper() in known and value is not None
        }
        secondary = str(data.get("SECONDARY_ROLES") or "").upper()
        session = account.session(
            user,
            _identifier(role) if role else None,
            parameters=parameters,
            secondary_roles="ALL" if secondary == "ALL" else "NONE" if secondary == "NONE" else None,
        )
        # Snowflake logs in all the same where one of these is not there or not for this role.
        if warehouse := query.get("warehouse"):
            _or_nothing(lambda: account.use_warehouse(session, _identifier(warehouse)), session, "warehouse")
        if database := query.get("databaseName"):
            session.schema = None
            _or_nothing(lambda: account.use_database(session, _identifier(database)), session, "database")
        if (schema := query.get("schemaName")) and session.database is not None:
            name = ObjectName((session.database, _identifier(schema)))
            _or_nothing(lambda: account.use_schema(session, name), session, "schema")
        return session

    def _welcome(self, token: str, client: _Client) -> Answer:
        session = client.connection.session
        return {
            "token": token,
            "masterToken": client.master_token,
            "validityInSeconds": _TOKEN_SECONDS,
            "masterValidityInSeconds": _MASTER_SECONDS,
            "displayUserName": session.user,
            "serverVersion": SERVER_VERSION,
            "firstLogin": False,
            "remMeToken": None,
            "remMeValidityInSeconds": 0,
            "healthCheckInterval": 45,
            "sessionId": session.session_id,
            "parameters": _parameters(client.connection),
            "sessionInfo": {
                "databaseName": session.database,
                "schemaName": session.schema,
                "warehouseName": session.warehouse,
                "roleName": session.role,
            },
            "idToken": None,
            "idTokenValidityInSeconds": 0,
            "responseData": None,
            "mfaToken": None,
            "mfaTokenValidityInSeconds": 0,
        }

    # --- sessions

    def _client(self, request: Request) -> tuple[str, _Client]:
        token = _token(request)
        self._end_idle()
        client = self._clients.get(token)
        if client is None:
            raise SnowflakeError(
                390111, "08001", "Session no longer exists.  New login required to access the service."
            )
        client.used = self._now()
        if client.used - client.token_since > _TOKEN_SECONDS:
            # Clients take this as a sign to ask for a new one.
            raise SnowflakeError(390112, "08001", "Your session has expired. Please login again.")
        return token, client

    def _end_idle(self) -> None:
        """End the sessions that were idle for too long; their open transactions are undone."""
        now = self._now()
        for token, client in list(self._clients.items()):
            idle = now - client.used
            if idle <= _LEAST_IDLE_SECONDS:
                continue
            if idle > 60 * self._account.idle_minutes(client.connection.session.user):
                self._clients.pop(token, None)
                client.connection.close()

    async def _session(self, request: Request) -> JSONResponse:
        try:
            token, client = self._client(request)
        except SnowflakeError as error:
            return JSONResponse(_failure(error))
        if request.query_params.get("delete", "").lower() == "true":
            self._clients.pop(token, None)
            await run_in_threadpool(client.connection.close)
        return JSONResponse(_success(None))

    async def _heartbeat(self, request: Request) -> JSONResponse:
        try:
            self._client(request)
        except SnowflakeError as error:
            return JSONResponse(_failure(error))
        return JSONResponse(_success(None))

    async def _renew(self, request: Request) -> JSONResponse:
        body = await _body(request)
        master = _token(request)
        old = str(body.get("oldSessionToken") or "")
        self._end_idle()
        client = self._clients.get(old)
        if client is None or not hmac.compare_digest(client.master_token, master):
            return JSONResponse(_failure(SnowflakeError(390115, "08001", "The master token is invalid.")))
        client.token_since = client.used = self._now()
        token = secrets.token_urlsafe(48)
        self._clients[token] = self._clients.pop(old)
        return JSONResponse(
            _success(
                {
                    "sessionToken": token,
                    "validityInSecondsST": _TOKEN_SECONDS,
                    "masterToken": client.master_token,
                    "validityInSecondsMT": _MASTER_SECONDS,
                    "sessionId": client.connection.session.session_id,
                }
            )
        )

    # --- statements

    async def _query(self, request: Request) -> JSONResponse:
        try:
            _, client = self._client(request)
        except SnowflakeError as error:
            return JSONResponse(_failure(error))
        body = await _body(request)
        return JSONResponse(await run_in_threadpool(self._answer, client, body))

    def _answer(self, client: _Client, body: Answer) -> Answer:
        query_id = str(uuid.uuid4())
        try:
            answer = self._run(client, body, query_id)
        except SnowflakeError as error:
            client.errors[query_id] = error
            while len(client.errors) > _KEPT_ERRORS:
                client.errors.popitem(last=False)
            answer = _failure(error, query_id)
        except Exception:
            # A fault of ours: what it was goes to the log, not to the client.
            _log.exception("statement failed")
            answer = _failure(SnowflakeError(603, "XX000", "SQL execution internal error in the embedded Snowflake."))
        if body.get("asyncExec"):
            return _in_progress(query_id)
        return answer

    def _run(self, client: _Client, body: Answer, query_id: str) -> Answer:
        connection = client.connection
        with self._account.lock:
            self._require_user(connection.session)
            self._account.require_network(connection.session.user, client.address)
            sql = str(body.get("sqlText") or "")
            try:
                bindings, rows = _bindings(body.get("bindings") or {})
            except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
                raise SnowflakeError.compilation(
                    2049, "42601", "A bind variable has a value that is not of its type."
                ) from None
            if body.get("describeOnly"):
                result = connection.describe(sql, bindings)
                result.query_id = query_id
                return _success(self._rows(connection, result))
            count = self._statement_count(connection, body)
            if count != 1:
                return _success(self._script(connection, sql, count, query_id))
            if rows is not None:
                result = connection.execute_many(sql, rows, query_id)
            else:
                result = connection.execute(sql, bindings, query_id)
            return _success(self._rows(connection, result))

    def _require_user(self, session: Session) -> None:
        user = self._account.find("USER", ObjectName((session.user,)))
        if user is None or user.properties.get("DISABLED"):
            raise SnowflakeError(390101, "08001", "User access disabled. Contact your local system administrator.")

    @staticmethod
    def _statement_count(connection: Connection, body: Answer) -> int:
        for given in (body.get("parameters") or {}, connection.session.parameters):
            if given.get("MULTI_STATEMENT_COUNT") is not None:
                try:
                    return int(given["MULTI_STATEMENT_COUNT"])
                except (TypeError, ValueError):
                    raise SnowflakeError.invalid_value(
                        given["MULTI_STATEMENT_COUNT"], "MULTI_STATEMENT_COUNT", "a whole number"
                    ) from None
        return 1

    def _script(self, connection: Connection, sql: str, count: int, query_id: str) -> Answer:
        results = connection.execute_script(sql, count)
        whole = Result.message("Multiple statements executed successfully.")
        whole.query_id = query_id
        return {
            **self._rows(connection, whole),
            "statementTypeId": _MULTIPLE,
            "resultIds": ",".join(result.query_id for result in results),
            "resultTypes": ",".join(str(int(result.type)) for result in results),
        }

    def _rows(self, connection: Connection, result: Result) -> Answer:
        session = connection.session
        data: Answer = {
            "parameters": _parameters(connection),
            "rowtype": [column.row_type() for column in result.columns],
            "total": len(result.rows),
            "returned": len(result.rows),
            "queryId": result.query_id,
            "databaseProvider": None,
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
            "finalWarehouseName": session.warehouse,
            "finalRoleName": session.role,
            "numberOfBinds": 0,
            "arrayBindSupported": result.type is StatementType.INSERT,
            "statementTypeId": int(result.type),
            "version": 1,
        }
        if result.type is StatementType.SELECT and not _wants_json(connection):
            data["queryResultFormat"] = "arrow"
            # Without rows the real one sends no stream; the connector makes one of the columns.
            data["rowsetBase64"] = b64encode(result.arrow_stream()).decode("ascii") if result.rows else ""
        else:
            data["queryResultFormat"] = "json"
            data["rowset"] = result.text_rows()
        return data

    async def _abort(self, request: Request) -> JSONResponse:
        try:
            self._client(request)
        except SnowflakeError as error:
            return JSONResponse(_failure(error))
        # A statement is answered before the next one is taken: there is none under way to stop.
        return JSONResponse(_success(None))

    async def _result(self, request: Request) -> JSONResponse:
        try:
            _, client = self._client(request)
        except SnowflakeError as error:
            return JSONResponse(_failure(error))
        query_id = request.path_params["query_id"]
        if query_id in client.errors:
            return JSONResponse(_failure(client.errors[query_id], query_id))
        result = client.connection.results.get(query_id)
        if result is None:
            return JSONResponse(_failure(SnowflakeError(709, "02000", f"Statement {query_id} not found")))
        return JSONResponse(_success(await run_in_threadpool(self._rows, client.connection, result)))

    async def _monitoring(self, request: Request) -> JSONResponse:
        try:
            _, client = self._client(request)
        except SnowflakeError as error:
            return JSONResponse(_failure(error))
        query_id = request.path_params["query_id"]
        found: list[Answer] = []
        failed = client.errors.get(query_id)
        if failed is not None:
            found = [
                {
                    "id": query_id,
                    "status": "FAILED_WITH_ERROR",
                    "errorCode": f"{failed.errno:06d}",
                    "errorMessage": failed.message,
                }
            ]
        elif query_id in client.connection.results:
            found = [{"id": query_id, "status": "SUCCESS"}]
        return JSONResponse(_success({"queries": found}))

    async def _telemetry(self, request: Request) -> JSONResponse:
        # Clients are told not to send any; what comes all the same goes nowhere.
        del request
        return JSONResponse(_success(None))


def routes(account: Account) -> list[Route]:
    """The protocol's routes over an account."""
    return Wire(account).routes()


# --- key pairs


def verify_key_pair(account: Account, login: str, token: str) -> str:
    """The name of the user whom a key-pair token proves, or Snowflake's refusal (390144, 390101).

    The token says the account, the user and the fingerprint of the public key; it must be signed with that
    key, be in time and not be made for longer than an hour.
    """
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
        issuer, subject = str(claims["iss"]), str(claims["sub"])
        qualified, _, digest = issuer.partition(".SHA256:")
        named, _, user = qualified.partition(".")
    except (jwt.PyJWTError, KeyError, ValueError):
        raise _invalid_token() from None
    if (
        header.get("alg") != "RS256"
        or not digest
        or not user
        or subject != qualified
        or (login and login.upper() != user.upper())
        or named.upper() not in account_identifiers(account)
    ):
        raise _invalid_token()
    found = account.authenticate(user, f"SHA256:{digest}")
    for key in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"):
        body = found.properties.get(key)
        if body and _signed(token, str(body), f"SHA256:{digest}"):
            return found.name.name
    raise _invalid_token()


def account_identifiers(account: Account) -> frozenset[str]:
    """The names under which a client may know the account: with its organisation, or alone."""
    organization, name = account.organization.upper(), account.name.upper()
    return frozenset({name, f"{organization}-{name}", f"{organization}_{name}"})


def _signed(token: str, body: str, fingerprint: str) -> bool:
    der = b64decode("".join(body.split()))
    if fingerprint_of(body) != fingerprint:
        return False
    try:
        claims = jwt.decode(
            token,
            load_der_public_key(der),  # type: ignore[arg-type]
            algorithms=["RS256"],
            leeway=_CLOCK_SKEW,
            options={"require": ["exp", "iss", "sub"]},
        )
    except (jwt.PyJWTError, ValueError, UnsupportedAlgorithm):
        return False
    issued = claims.get("iat", clock.time())
    return bool(claims["exp"] - issued <= _LONGEST_JWT.total_seconds() + _CLOCK_SKEW.total_seconds())


def _invalid_token() -> SnowflakeError:
    return SnowflakeError(390144, "08001", f"JWT token is invalid. [{uuid.uuid4()}]")


# --- helpers


async def _body(request: Request) -> Answer:
    raw = await request.body()
    try:
        if request.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        found = json.loads(raw) if raw else {}
    except (ValueError, OSError, EOFError, zlib.error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _token(request: Request) -> str:
    header = request.headers.get("Authorization", "")
    prefix = 'Snowflake Token="'
    return header[len(prefix) : -1] if header.startswith(prefix) else ""


def _success(data: Any) -> Answer:
    return {"data": data, "message": None, "code": None, "success": True}


def _failure(error: SnowflakeError, query_id: str = "") -> Answer:
    code = f"{error.errno:06d}"
    return {
        "data": {
            "internalError": False,
            "errorCode": code,
            "age": 0,
            "sqlState": error.sqlstate,
            "queryId": query_id,
            "line": -1,
            "pos": -1,
            "type": "COMPILATION",
        },
        "code": code,
        "message": error.message,
        "success": False,
    }


def _in_progress(query_id: str) -> Answer:
    return {
        "data": {
            "queryId": query_id,
            "getResultUrl": f"/queries/{query_id}/result",
            "queryAbortsAfterSecs": 300,
            "progressDesc": None,
        },
        "message": "Asynchronous execution in progress. Use provided query id to perform query monitoring and "
        "management.",
        "code": "333334",
        "success": True,
    }


def _identifier(text: str) -> str:
    """A name of a connect string: upper case where it is a plain identifier, as it is otherwise."""
    try:
        return ObjectName.parse(text).name
    except SnowflakeError:
        return text


def _or_nothing(use: Any, session: Session, attribute: str) -> None:
    try:
        use()
    except SnowflakeError:
        setattr(session, attribute, None)


def _wants_json(connection: Connection) -> bool:
    return str(connection.client_settings.get("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "")).upper() == "JSON"


def _parameters(connection: Connection) -> list[Answer]:
    """What clients go by: how times are told, and that nothing is staged, sent home or kept alive."""
    values: Answer = {
        "AUTOCOMMIT": connection.session.parameters.get("AUTOCOMMIT", True),
        "TIMEZONE": connection.time_zone(),
        "CLIENT_SESSION_KEEP_ALIVE": False,
        "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
        # Arrays of bindings come with the statement: there is no stage to put them on.
        "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0,
        "CLIENT_TELEMETRY_ENABLED": False,
        "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
        "CLIENT_RESULT_CHUNK_SIZE": 160,
        "CLIENT_PREFETCH_THREADS": 4,
        "QUERY_CONTEXT_CACHE_SIZE": 5,
        "BINARY_OUTPUT_FORMAT": "HEX",
        "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
        "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
        "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
        "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
        "TIMESTAMP_LTZ_OUTPUT_FORMAT": "",
        "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def _bindings(given: Answer) -> tuple[dict[str, Any], list[tuple[Any, ...]] | None]:
    """The bindings of one run by name, or the rows of an array binding."""
    if not given:
        return {}, None
    if not any(isinstance(binding.get("value"), list) for binding in given.values()):
        return {name: from_binding(binding["type"], binding.get("value")) for name, binding in given.items()}, None
    columns = [_column(given[str(position)]) for position in range(1, len(given) + 1)]
    return {}, list(zip(*columns, strict=True))


def _column(given: Answer) -> list[Any]:
    type_, values = given["type"], given["value"]
    # Text comes as it is.
    return list(values) if type_.upper() == "TEXT" else [from_binding(type_, value) for value in values]


def from_binding(type_: str, value: str | None) -> Any:
    """A bound value as Python's."""
    if value is None:
        return None
    match type_.upper():
        case "FIXED":
            return int(value) if value.lstrip("+-").isdigit() else Decimal(value)
        case "REAL":
            return float(value)
        case "BOOLEAN":
            return value.lower() in {"true", "1"}
        case "BINARY":
            return bytes.fromhex(value)
        case "DATE":
            return date(1970, 1, 1) + timedelta(milliseconds=int(value))
        case "TIME":
            return _time(int(value))
        case "TIMESTAMP_NTZ":
            return _moment(int(value)).replace(tzinfo=None)
        case "TIMESTAMP_LTZ":
            return _moment(int(value))
        case "TIMESTAMP_TZ":
            nanoseconds, _, offset = value.partition(" ")
            moment = _moment(int(nanoseconds))
            return moment.astimezone(timezone(timedelta(minutes=int(offset) - 1440))) if offset else moment
        case _:
            return value


def _moment(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


def _time(nanoseconds: int) -> time:
    return (_EPOCH + timedelta(microseconds=nanoseconds // 1_000)).time()


def statements(sql: str) -> tuple[str, ...]:
    """The statements of a text, as clients that send them one by one need them."""
    return split(sql)
