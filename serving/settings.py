"""Settings of the prediction API."""

from math import ceil
from pathlib import Path

from pydantic import Field, SecretStr

from connections.local_folder import LocalFolder
from connections.settings import KafkaSettings
from serving.logs import LogFormat


class ServingSettings(KafkaSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    models_dir: LocalFolder | None = None
    """Model artefacts; by default `models` in the data folder."""
    feature_repo: Path = Path("feature_repo")
    """Folder of the Feast definitions; paths in feature_store.yaml are relative to it."""
    feature_store_yaml: Path | None = None
    """By default Feast's own: $FEAST_FS_YAML_FILE_PATH, else feature_store.yaml in the feature repo."""

    api_host: str = "127.0.0.1"
    """Address to listen on."""
    api_port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""

    api_allow_open: bool = False
    """Listen on an address other than loopback although nobody has to say who they are."""
    api_keys_file: Path | None = None
    """File of API keys, as `python -m serving.keys` writes it; read again when it changes."""
    api_jwt_jwks: str | None = None
    """Where the public keys of a token issuer are, an `https://` address or a file; tokens (JWT) are accepted then."""
    api_jwt_issuer: str | None = None
    """What `iss` of a token must be."""
    api_jwt_audience: str | None = None
    """What `aud` of a token must be, or have among others."""
    api_jwt_algorithms: str = "RS256,ES256,EdDSA"
    """Ways of signing that are accepted, separated by commas; none with a shared secret can be."""
    api_jwt_scopes_claim: str = "scope"
    """Claim of a token with its scopes: one text separated by spaces, or a list."""
    api_jwt_leeway_seconds: float = Field(default=30.0, ge=0)
    """How far the issuer's clock may differ from ours."""
    api_jwt_refresh_seconds: float = Field(default=300.0, gt=0)
    """How often the issuer's keys are read again, beside the requests."""
    api_jwt_unknown_key_seconds: float = Field(default=10.0, ge=0)
    """Pause between two reads of the issuer's keys that tokens with an unknown key may cause."""
    api_rate_per_second: float | None = Field(default=None, gt=0)
    """Requests per second that each key or token (where the API is open, each address) may send; by default no limit."""
    api_rate_burst: int | None = Field(default=None, ge=1)
    """How many of them at once; by default those of one second."""
    api_rate_timeout_milliseconds: float = Field(default=10.0, gt=0)
    """How long a request waits for Redis to count it; later this process counts alone."""
    api_rate_clients_max: int = Field(default=10_000, ge=1)
    """How many clients this process counts for itself while Redis is away."""

    api_tls_certificate: Path | None = None
    """PEM file of the certificate and those above it; the API speaks TLS then."""
    api_tls_key: Path | None = None
    """PEM file of its key; by default in the certificate's file."""
    api_tls_client_ca: Path | None = None
    """PEM file of the authorities whose certificates clients must have; by default they need none."""
    api_cors_origins: str = ""
    """Origins whose pages may ask from a browser, separated by commas; by default none."""
    api_json_depth_max: int = Field(default=32, ge=1)
    """Bodies nested deeper are refused with 400."""
    api_headers_max: int = Field(default=64, ge=1)
    """Requests with more headers are refused with 431."""
    api_head_max_bytes: int = Field(default=16 * 1024, ge=256)
    """Requests whose URL, or names and values of headers, are longer are refused with 431."""
    api_head_timeout_seconds: float = Field(default=10.0, gt=0)
    """How long a client may take to send the head of a request; then 408, and the connection is closed."""
    api_keep_alive_seconds: int = Field(default=75, ge=1)
    """How long a connection without a request is kept: longer than load balancers do (60 s at AWS), which else send into one that closes."""
    api_workers: int = Field(default=1, ge=1, le=64)
    """Processes that answer on the one socket."""
    api_drain_seconds: float = Field(default=0.5, ge=0)
    """How long requests are taken after SIGTERM, while `/ready` says that the API ends and answers close their connections."""
    api_log_format: LogFormat = "auto"
    """`json`, `text`, or `auto`: text on a terminal."""
    api_access_log: bool = False
    """Log a line per answer."""
    log_ids_salt: SecretStr | None = None
    """Where set, ids of people and clients are logged as hashes with it."""
    api_traces_endpoint: str | None = None
    """Where OpenTelemetry traces are sent, such as `http://127.0.0.1:4318/v1/traces`; needs `feast-shop[tracing]`."""

    feature_timeout_milliseconds: float = Field(default=35.0, gt=0)
    """How long one read of features may take before remembered or typical values are used."""
    remembered_max: int = Field(default=10_000, ge=1)
    """How many entities of each feature view are remembered for the time without Redis, about 1 kB each."""
    stream_stale_seconds: float = Field(default=900.0, gt=0)
    """Age of the newest row read lately from which `/ready` tells that the stream is behind."""
    registry_refresh_seconds: float = Field(default=60.0, gt=0)
    """How often the registry is read again, beside the requests."""
    models_refresh_seconds: float = Field(default=10.0, gt=0)
    """How often champions and experiments are looked at; SIGHUP looks at once."""
    shadows_waiting_max: int = Field(default=5_000, ge=0)
    """How many predictions wait for shadow models; more are not scored by them, but counted."""
    warm_up_requests: int = Field(default=50, ge=1)
    """Predictions made before the API listens, so that the first client waits no longer than the others."""
    body_max_bytes: int = Field(default=64 * 1024, ge=1)
    """Larger request bodies are refused with 413."""
    batch_body_max_bytes: int = Field(default=1024 * 1024, ge=1)
    """The same for `POST /predict/batch`; a thousand orders take 200 kB."""
    questions_max: int = Field(default=128, ge=1)
    """Questions answered at once; more are refused with 503 and Retry-After, before a queue grows."""
    recommendations_default: int = Field(default=10, ge=1, le=100)
    """How many products are recommended where `k` is absent."""
    recommendations_bought_again: str = "baby,grocery,health,pets"
    """Categories, separated by commas, whose products are recommended again to whoever bought them in the last 30 days."""
    candidates_max: int = Field(default=50, ge=1, le=1000)
    """How many candidates the recommendation model ranks for one answer; also the bound of `k`."""
    stop_timeout_seconds: int = Field(default=10, ge=0)
    """How long requests under way may take to end after SIGTERM, and then the prediction log to be sent."""

    kafka_bootstrap: str | None = None
    """Brokers that take the prediction log, `host:port` separated by commas; by default what `make up` left in services/kafka.addr of the data folder. Without any, predictions are not logged."""
    predictions_topic: str = "predictions"
    """Topic of the prediction log."""
    predictions_waiting_max: int = Field(default=20_000, ge=1, le=1_000_000)
    """How many predictions wait while Kafka is away, 3 to 4 kB each; more are not logged, but counted."""
    topic_partitions: int = Field(default=4, ge=1)
    """Partitions of the topic where it does not exist yet."""
    erasures_topic: str = "erasures"
    """Topic of the requests to erase somebody."""
    erasure_receipts_topic: str = "erasure_receipts"
    """Topic of their receipts, which `python -m ingestion.erase` writes."""
    erasures_timeout_seconds: float = Field(default=10.0, gt=0)
    """How long Kafka may take to acknowledge a request to erase somebody; then 503."""

    log_level: str = Field(default="info", pattern="^(critical|error|warning|info|debug)$")
    """Least important messages that are logged."""

    @property
    def bought_again(self) -> list[str]:
        """`recommendations_bought_again` as a list."""
        return _listed(self.recommendations_bought_again)

    @property
    def jwt_algorithms(self) -> list[str]:
        """`api_jwt_algorithms` as a list."""
        return _listed(self.api_jwt_algorithms)

    @property
    def cors_origins(self) -> list[str]:
        """`api_cors_origins` as a list."""
        return _listed(self.api_cors_origins)

    @property
    def rate_burst(self) -> int:
        """`api_rate_burst`, or the requests of one second."""
        return self.api_rate_burst or max(1, ceil(self.api_rate_per_second or 1))

    @property
    def api_scheme(self) -> str:
        """`https` where the API speaks TLS."""
        return "https" if self.api_tls_certificate else "http"

    @property
    def guarded(self) -> bool:
        """Whether those who ask must say who they are."""
        return self.api_keys_file is not None or self.api_jwt_jwks is not None

    @property
    def models(self) -> Path:
        """`models_dir`, or its place in the data folder."""
        return self.models_dir or self.data_dir / "models"


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
