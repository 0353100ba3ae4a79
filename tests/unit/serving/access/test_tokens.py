import asyncio
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest

from serving.access.jwks import Jwks, JwksError
from serving.access.principals import Principal
from serving.access.tokens import TokenError, Tokens
from tests.unit.serving.access.issuer import AUDIENCE, ISSUER, Issuer

UNKNOWN_KEY_SECONDS = 10.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path / "jwks.json")


def tokens_of(issuer: Issuer, clock: Clock | None = None, **changes: Any) -> Tokens:
    jwks = Jwks(str(issuer.file), UNKNOWN_KEY_SECONDS, clock or Clock())
    given = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "algorithms": ("ES256",),
        "scopes_claim": "scope",
        "leeway_seconds": 0.0,
    }
    return Tokens(jwks, **(given | changes))


def principal(tokens: Tokens, *shown: str) -> list[Principal | str]:
    """Of each token: who it speaks for, or why it is not accepted."""

    async def ask() -> list[Principal | str]:
        await tokens.jwks.read()
        found: list[Principal | str] = []
        for token in shown:
            try:
                found.append(await tokens.principal(token))
            except TokenError as error:
                found.append(str(error))
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "predict admin"}, {"predict", "admin"}),
        ({"scope": ["metrics", "other", 3]}, {"metrics"}),
        ({"scope": "everything"}, set()),
        ({"scope": 7}, set()),
        ({"scope": None}, set()),
        ({"aud": ["another", AUDIENCE]}, {"predict"}),
    ],
)
def test_a_good_token_speaks_for_its_subject(
    issuer: Issuer, claims: dict[str, Any], scopes: set[str]
) -> None:
    """With those of its scopes that exist."""
    assert principal(tokens_of(issuer), issuer.token(**claims)) == [Principal("jwt:front", frozenset(scopes))]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": time.time() - 60}, "expired"),
        ({"exp": None}, '"exp"'),
        ({"nbf": time.time() + 86_400}, "not yet valid"),
        ({"iss": "https://other.example"}, "issuer"),
        ({"iss": None}, '"iss"'),
        ({"aud": "another"}, "udience"),
        ({"aud": None}, '"aud"'),
        ({"sub": None}, '"sub"'),
    ],
)
def test_a_claim_that_is_wrong_or_missing_is_named(issuer: Issuer, claims: dict[str, Any], said: str) -> None:
    """To whoever sent the token."""
    (refused,) = principal(tokens_of(issuer), issuer.token(**claims))
    assert isinstance(refused, str)
    assert said in refused


def test_clocks_may_differ_by_the_leeway(issuer: Issuer) -> None:
    """A token that ended a moment ago is accepted."""
    late = issuer.token(exp=time.time() - 5)
    assert principal(tokens_of(issuer, leeway_seconds=30), late) == [
        Principal("jwt:front", frozenset(["predict"]))
    ]


def test_only_the_algorithms_of_the_settings_are_accepted(issuer: Issuer) -> None:
    """Not what the token names: none, a shared secret, or another good one."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": time.time() + 60}
    unsigned = jwt.encode(claims, None, "none", headers={"kid": "first"})
    shared = jwt.encode(claims, b"k" * 32, "HS256", headers={"kid": "first"})
    for token in principal(tokens_of(issuer), unsigned, shared) + principal(
        tokens_of(issuer, algorithms=("RS256",)), issuer.token()
    ):
        assert isinstance(token, str)
        assert "signed in a way not accepted" in token


@pytest.mark.parametrize("token", ["", "a.b.c", "..", "x" * 100_000, "é.é.é"])
def test_what_is_no_token_is_refused(issuer: Issuer, token: str) -> None:
    """Without another error."""
    (refused,) = principal(tokens_of(issuer), token)
    assert isinstance(refused, str)


def test_a_changed_token_is_refused(issuer: Issuer) -> None:
    """Its signature no longer fits."""
    head, body, signature = issuer.token().split(".")
    other = issuer.token(scope="admin").split(".")[1]
    assert principal(tokens_of(issuer), f"{head}.{other}.{signature}") == [
        "the token is not accepted: Signature verification failed"
    ]
    assert body != other


def test_a_key_that_is_new_is_fetched_when_a_token_names_it(issuer: Issuer) -> None:
    """So a change of keys needs no restart."""
    tokens = tokens_of(issuer)

    async def story() -> Principal:
        await tokens.jwks.read()
        issuer.turn("second")
        return await tokens.principal(issuer.token())

    assert asyncio.run(story()).id == "jwt:front"


def test_unknown_keys_do_not_have_the_issuer_asked_without_end(issuer: Issuer) -> None:
    """Once, then not before the pause is over."""
    #  0: unknown -> read   0: turned, unknown -> not read   10: read, known
    clock = Clock()
    tokens = tokens_of(issuer, clock)

    async def accepted() -> bool:
        try:
            await tokens.principal(issuer.token())
        except TokenError:
            return False
        return True

    async def story() -> list[bool]:
        with pytest.raises(TokenError, match="does not name"):
            await tokens.principal(issuer.token(key_id="made-up"))
        issuer.turn("second")
        told = [await accepted()]
        clock.now += UNKNOWN_KEY_SECONDS
        return [*told, await accepted()]

    assert asyncio.run(story()) == [False, True]


def test_keys_stay_valid_while_they_cannot_be_read(issuer: Issuer) -> None:
    """An issuer that is away stops nobody."""
    tokens = tokens_of(issuer)
    token = issuer.token()

    async def story() -> str:
        await tokens.jwks.read()
        issuer.file.unlink()
        with pytest.raises(TokenError):
            await tokens.principal(issuer_token_of_another_key)
        return (await tokens.principal(token)).id

    issuer_token_of_another_key = issuer.token(key_id="made-up")
    assert asyncio.run(story()) == "jwt:front"


def test_a_shared_secret_among_the_keys_is_no_key(issuer: Issuer) -> None:
    """It is not public."""
    issuer.file.write_text('{"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}]}')
    (refused,) = principal(tokens_of(issuer), issuer.token())
    assert refused == "the token is signed with a key that its issuer does not name"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": [{}]}', '{"keys": 3}'])
def test_keys_that_cannot_be_read_are_an_error_with_their_source(issuer: Issuer, content: str) -> None:
    """Whatever is wrong with them."""
    issuer.file.write_text(content)
    with pytest.raises(JwksError, match=r"cannot be read from .*jwks\.json"):
        asyncio.run(Jwks(str(issuer.file), 1).read())


def test_keys_of_another_machine_must_come_over_tls() -> None:
    """Who changes them on the way could sign anything."""
    with pytest.raises(JwksError, match=r"over https, not from http://issuer\.example"):
        Jwks("http://issuer.example/jwks", 1)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address(issuer: Issuer) -> Iterator[str]:
    """The folder of the issuer's file over HTTP."""
    handler = partial(_Quiet, directory=str(issuer.file.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_keys_come_from_an_address_and_are_read_again_beside_the_requests(
    issuer: Issuer, address: str
) -> None:
    """A key that the issuer no longer names is no longer accepted."""
    tokens = Tokens(Jwks(f"{address}/{issuer.file.name}", 1e9), ISSUER, AUDIENCE, ("ES256",), "scope", 0)

    async def story() -> None:
        await tokens.jwks.read()
        old = issuer.token()
        await tokens.principal(old)
        issuer.turn("second")
        reading = asyncio.create_task(tokens.jwks.read_forever(0.01))
        async with asyncio.timeout(10):
            while not await refused(old):  # noqa: ASYNC110 - the keys tell nobody when they were read
                await asyncio.sleep(0.01)
        reading.cancel()

    async def refused(token: str) -> bool:
        try:
            await tokens.principal(token)
        except TokenError:
            return True
        return False

    asyncio.run(story())
