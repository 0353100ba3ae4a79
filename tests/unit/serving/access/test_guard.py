import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import Mount, Route

from serving import problems
from serving.access.authentication import Authentication
from serving.access.buckets import LocalBuckets, Rate
from serving.access.guard import AccessMetrics, Guard
from serving.access.jwks import Jwks
from serving.access.key_file import KeyFile, write
from serving.access.keys import issue
from serving.access.limiter import Limiter
from serving.access.openapi import describe
from serving.access.tokens import Tokens
from serving.errors import StartError
from serving.request_ids import RequestIds
from tests.unit.serving.access.issuer import AUDIENCE, ISSUER, Issuer

ELSEWHERE = "203.0.113.7"
SCOPES = {"front": ["predict"], "scraper": ["metrics"], "ops": ["admin"]}


class Gate:
    """An application with a route of each kind behind a guard.

    Attributes:
        keys: One per scope, by its id.
        issuer: Of tokens.
        registry: Where outcomes are counted.
    """

    def __init__(self, folder: Path, *, closed: bool = True, rate: Rate | None = None) -> None:
        made = {key_id: issue(key_id, scopes) for key_id, scopes in SCOPES.items()}
        self.keys = {key_id: key for key_id, (key, _) in made.items()}
        self.issuer = Issuer(folder / "jwks.json")
        write(folder / "keys", [record for _, record in made.values()])
        tokens = Tokens(Jwks(str(self.issuer.file), 0), ISSUER, AUDIENCE, ("ES256",), "scope", 0)
        ways = Authentication(KeyFile(folder / "keys"), tokens) if closed else Authentication()
        limiter = Limiter(rate, LocalBuckets(rate, 100), None, 1) if rate else None
        self.registry = CollectorRegistry()
        self.app = application()
        guard = Guard(ways, limiter, AccessMetrics(self.registry))
        guard.protect(self.app)
        describe(self.app, guard)

    def get(self, path: str, client: str = ELSEWHERE, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as asking:
                return await asking.get(path, headers=named)

        return asyncio.run(ask())

    def count(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("shop_api_access_total", {"outcome": outcome})


def application() -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(RequestIds)
    for path in ("/health", "/metrics", "/models", "/users/{user_id}"):
        app.add_api_route(path, _answer)
    return app


async def _answer() -> str:
    return "answered"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.mark.parametrize(
    ("path", "statuses"),
    #                       nobody  front  scraper  ops
    [
        ("/health", (200, 200, 200, 200)),
        ("/models", (401, 200, 403, 200)),
        ("/metrics", (401, 403, 200, 200)),
        ("/users/u", (401, 403, 403, 200)),
        ("/openapi.json", (200, 200, 200, 200)),
        ("/nowhere", (404, 404, 404, 404)),
    ],
)
def test_each_route_is_open_to_those_with_its_scope(gate: Gate, path: str, statuses: tuple[int, ...]) -> None:
    """A route that nobody thought of is for administrators."""
    shown = [{}, *({"X_API_Key": gate.keys[key_id]} for key_id in SCOPES)]
    assert tuple(gate.get(path, **headers).status_code for headers in shown) == statuses


def test_a_key_may_come_as_a_bearer_token(gate: Gate) -> None:
    """Some programs can send nothing else."""
    assert gate.get("/models", Authorization=f"Bearer {gate.keys['front']}").status_code == 200


def test_a_token_opens_what_its_scopes_name(gate: Gate) -> None:
    """No more."""
    token = f"Bearer {gate.issuer.token(scope='predict')}"
    assert gate.get("/models", Authorization=token).status_code == 200
    assert gate.get("/users/u", Authorization=token).status_code == 403


def test_nobody_is_told_how_to_say_who_they_are(gate: Gate) -> None:
    """401 as a problem with a challenge that has no error, since nothing wrong was shown."""
    answer = gate.get("/models")
    assert answer.json()["detail"] == "send an API key in X-API-Key or a token in Authorization: Bearer"
    assert answer.headers["www-authenticate"] == 'Bearer realm="shop"'
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {"X_API_Key": "shop_front_wrong"},
        {"Authorization": "Bearer shop_front_wrong"},
        {"Authorization": "Bearer a.b.c"},
    ],
)
def test_what_is_not_accepted_is_401(gate: Gate, headers: dict[str, str]) -> None:
    """The challenge says that it is the credentials."""
    answer = gate.get("/models", **headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="shop", error="invalid_token"'


def test_a_missing_scope_is_named(gate: Gate) -> None:
    """403, with the scope also where a program looks for it."""
    answer = gate.get("/metrics", X_API_Key=gate.keys["front"])
    assert answer.json()["detail"] == "key:front has no scope 'metrics', which this route needs"
    assert 'error="insufficient_scope", scope="metrics"' in answer.headers["www-authenticate"]


def test_programs_of_this_machine_read_metrics_without_a_key(gate: Gate) -> None:
    """Not those for whom a proxy on this machine asks, and nothing else."""
    assert gate.get("/metrics", client="127.0.0.1").status_code == 200
    assert gate.get("/metrics", client="127.0.0.1", X_Forwarded_For=ELSEWHERE).status_code == 401
    assert gate.get("/models", client="127.0.0.1").status_code == 401


def test_without_keys_and_tokens_everything_is_open(tmp_path: Path) -> None:
    """Where the API may listen so is decided at its start."""
    gate = Gate(tmp_path, closed=False)
    assert gate.get("/users/u").status_code == 200


def test_one_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    """429; others are not concerned."""
    gate = Gate(tmp_path, rate=Rate(0.01, 2))
    answers = [gate.get("/models", X_API_Key=gate.keys["front"]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["retry-after"] == "100"
    assert answers[2].json()["detail"] == "key:front may ask 0.01 times a second, 2 at once"
    assert gate.get("/models", X_API_Key=gate.keys["ops"]).status_code == 200
    assert gate.get("/health", X_API_Key=gate.keys["front"]).status_code == 200


def test_those_who_are_refused_are_limited_too(tmp_path: Path) -> None:
    """A key without the scope cannot ask without end."""
    gate = Gate(tmp_path, rate=Rate(0.01, 1))
    assert [gate.get("/users/u", X_API_Key=gate.keys["front"]).status_code for _ in range(2)] == [403, 429]


def test_where_everything_is_open_each_address_has_its_own_limit(tmp_path: Path) -> None:
    """There is nothing else to tell clients apart by."""
    gate = Gate(tmp_path, closed=False, rate=Rate(0.01, 1))
    assert [gate.get("/models", client=f"203.0.113.{i}").status_code for i in (1, 1, 2)] == [200, 429, 200]


def test_outcomes_are_counted(tmp_path: Path) -> None:
    """One of each."""
    gate = Gate(tmp_path, rate=Rate(0.01, 2))
    gate.get("/models")
    gate.get("/models", X_API_Key=gate.keys["front"])
    gate.get("/metrics", X_API_Key=gate.keys["front"])
    gate.get("/models", X_API_Key=gate.keys["front"])
    assert [gate.count(o) for o in ("unauthenticated", "allowed", "forbidden", "limited")] == [1, 1, 1, 1]


def test_the_document_says_what_each_route_needs(gate: Gate, tmp_path: Path) -> None:
    """Ways to say who one is, the scope, the refusals; nothing where everything is open."""
    paths = gate.get("/openapi.json").json()["paths"]
    assert paths["/models"]["get"]["security"] == [{"apiKey": []}, {"token": []}]
    assert {"401", "403"} <= set(paths["/models"]["get"]["responses"])
    assert {} in paths["/metrics"]["get"]["security"]
    assert "security" not in paths["/health"]["get"]
    (tmp_path / "open").mkdir()
    opened = Gate(tmp_path / "open", closed=False, rate=Rate(1, 1)).get("/openapi.json").json()["paths"]
    assert "security" not in opened["/models"]["get"]
    assert "429" in opened["/models"]["get"]["responses"]
    assert "429" not in paths["/models"]["get"]["responses"]


@pytest.mark.parametrize("route", [Route("/plain", _answer), Mount("/below", FastAPI())])
def test_a_route_that_cannot_be_guarded_is_refused_at_the_start(tmp_path: Path, route: Route | Mount) -> None:
    """It would be open to all."""
    gate = Gate(tmp_path)
    app = application()
    app.router.routes.append(route)
    guard = Guard(Authentication(), None, AccessMetrics(CollectorRegistry()))
    with pytest.raises(StartError, match=r"nothing can stand before (Route|Mount) /"):
        guard.protect(app)
    assert gate.keys
