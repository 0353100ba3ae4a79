import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID

from serving import keys
from serving.access.key_file import write
from serving.access.keys import issue
from tests.api_process import RunningApi, environment, running_api, wait_until
from tests.serving_shop import ServingShop
from tests.unit.serving.access.issuer import AUDIENCE, ISSUER, Issuer

SALT = "a salt"
ORDER = {"user_id": "user_0001", "product_id": "prod_0002", "transaction_amount": 20.0}


class Gated:
    """`python -m serving` with everything on but TLS, and clients of it."""

    def __init__(self, api: RunningApi, folder: Path, key: str, issuer: Issuer) -> None:
        self.api = api
        self.keys_file = folder / "keys"
        self.key = key
        self.issuer = issuer

    def predict(self, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{self.api.url}/predict", json=ORDER, headers=named, timeout=10)


@pytest.fixture(scope="module")
def gated(shop: ServingShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    """Keys, tokens, a rate, CORS, an access log."""
    folder = tmp_path_factory.mktemp("gated")
    key, record = issue("front", ["predict"])
    write(folder / "keys", [record])
    issuer = Issuer(folder / "jwks.json")
    settings = {
        "SHOP_API_HOST": "0.0.0.0",  # noqa: S104 - it is guarded
        "SHOP_API_KEYS_FILE": folder / "keys",
        "SHOP_API_JWT_JWKS": issuer.file,
        "SHOP_API_JWT_ISSUER": ISSUER,
        "SHOP_API_JWT_AUDIENCE": AUDIENCE,
        "SHOP_API_RATE_PER_SECOND": 0.001,
        "SHOP_API_RATE_BURST": 5,
        "SHOP_API_RATE_TIMEOUT_MILLISECONDS": 2000,
        "SHOP_API_CORS_ORIGINS": "https://shop.example",
        "SHOP_API_ACCESS_LOG": "true",
        "SHOP_LOG_IDS_SALT": SALT,
        "SHOP_API_JSON_DEPTH_MAX": 5,
    }
    with running_api(shop, folder, **settings) as api:
        yield Gated(api, folder, key, issuer)


def lines(api: RunningApi, request_id: str) -> list[dict[str, object]]:
    """What was logged of a request; every line that is whole is an object."""
    whole = api.log.read_text().rpartition("\n")[0]
    told = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
    return [line for line in told if line.get("request_id") == request_id]


def test_keys_and_tokens_open_the_api_and_nothing_else_does(gated: Gated) -> None:
    """Listening on all addresses."""
    assert gated.predict(X_API_Key=gated.key).status_code == 200
    assert gated.predict(Authorization=f"Bearer {gated.issuer.token(sub='one')}").status_code == 200
    assert gated.predict().status_code == 401
    assert gated.api.get("/ready").status_code == 200


def test_the_rate_is_held_in_redis(gated: Gated) -> None:
    """Five at once for each token."""
    token = f"Bearer {gated.issuer.token(sub='eager')}"
    answers = [gated.predict(Authorization=token) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 900
    assert "rates are held by each process alone" not in gated.api.log.read_text()


def test_answers_carry_careful_headers(gated: Gated) -> None:
    """Refusals too; the server does not tell what it is."""
    answer = gated.predict()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert "server" not in answer.headers


def test_browsers_may_ask_from_the_pages_named(gated: Gated) -> None:
    """From no other."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    allowed = [
        httpx.options(f"{gated.api.url}/predict", headers={"Origin": origin, **asked}, timeout=10)
        for origin in ("https://shop.example", "https://other.example")
    ]
    assert [answer.headers.get("access-control-allow-origin") for answer in allowed] == [
        "https://shop.example",
        None,
    ]


def test_a_deep_body_is_refused(gated: Gated) -> None:
    """Before it is parsed."""
    token = f"Bearer {gated.issuer.token(sub='deep')}"
    body = b'{"context": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    answer = httpx.post(
        f"{gated.api.url}/predict", content=body, headers={"Authorization": token}, timeout=10
    )
    assert (answer.status_code, answer.json()["detail"]) == (400, "the body is nested deeper than 5 levels")


def test_the_log_has_a_line_per_answer_and_no_person(gated: Gated) -> None:
    """Ids are hashed; the request id finds the answer."""
    token = f"Bearer {gated.issuer.token(sub='somebody')}"
    path = f"{gated.api.url}/recommendations/user_0003"
    httpx.get(path, headers={"Authorization": token, "X-Request-ID": "find-me"}, timeout=10)
    wait_until(lambda: lines(gated.api, "find-me"), "the answer is logged, once it has been sent")
    (line,) = lines(gated.api, "find-me")
    assert (line["message"], line["status"]) == ("GET /recommendations/{user_id}", 200)
    assert "user_0003" not in gated.api.log.read_text()
    assert "somebody" not in gated.api.log.read_text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SHOP_API_HOST": "0.0.0.0"}, "would open the API to everybody"),  # noqa: S104 - it refuses
        ({"SHOP_API_HOST": "0.0.0.0", "SHOP_API_WORKERS": 2}, "would open the API to everybody"),  # noqa: S104
    ],
)
def test_it_refuses_to_be_open_to_others(shop: ServingShop, settings: dict[str, object], said: str) -> None:
    """One line, exit status 2."""
    done = subprocess.run(
        [sys.executable, "-m", "serving"],
        env=environment(shop, SHOP_API_PORT=0, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 2
    assert said in done.stderr.strip().splitlines()[-1]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself, good for servers and clients; its key."""
    key, name = (
        generate_private_key(SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *kinds))
    return certificate_file, key_file


def test_with_tls_clients_need_a_certificate_where_an_authority_is_named(
    shop: ServingShop, tmp_path: Path
) -> None:
    """And the server shows its own."""
    certificate_file, key_file = certificate(tmp_path)
    settings = {
        "SHOP_API_TLS_CERTIFICATE": certificate_file,
        "SHOP_API_TLS_KEY": key_file,
        "SHOP_API_TLS_CLIENT_CA": certificate_file,
    }
    known = ssl.create_default_context(cafile=str(certificate_file))
    with_certificate = ssl.create_default_context(cafile=str(certificate_file))
    with_certificate.load_cert_chain(certificate_file, key_file)
    with running_api(shop, tmp_path, tls=with_certificate, **settings) as api:
        answer = httpx.get(f"{api.url}/health", verify=with_certificate, timeout=10)
        assert answer.headers["strict-transport-security"]
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{api.url}/health", verify=known, timeout=10)


def test_a_key_made_by_the_command_opens_a_running_api(
    gated: Gated, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within seconds; revoked, it no longer does."""
    command = ["--file", str(gated.keys_file)]
    assert keys.main([*command, "create", "late"]) == 0
    key = capsys.readouterr().out.strip()
    _wait_for(gated, key, 200)
    assert keys.main([*command, "revoke", "late"]) == 0
    _wait_for(gated, key, 401)


def _wait_for(gated: Gated, key: str, status: int) -> None:
    def answered() -> bool:
        found = httpx.get(f"{gated.api.url}/models", headers={"X-API-Key": key}, timeout=10).status_code
        # Asking uses up the rate; the key is known all the same.
        return (found if found != 429 else 200) == status

    wait_until(answered, f"the key is answered with {status}", 10)
