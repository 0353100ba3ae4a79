import pytest

from serving.errors import StartError
from serving.listening import check_not_open


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_the_api_may_be_open(host: str) -> None:
    """Only programs of this machine can ask."""
    check_not_open(host, guarded=False, allow_open=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example", ""])  # noqa: S104 - nobody listens
def test_elsewhere_it_must_be_guarded_or_meant(host: str) -> None:
    """The error has the ways out."""
    with pytest.raises(
        StartError, match=r"serving\.keys create.*SHOP_API_JWT_JWKS.*SHOP_API_ALLOW_OPEN=true"
    ):
        check_not_open(host, guarded=False, allow_open=False)
    check_not_open(host, guarded=True, allow_open=False)
    check_not_open(host, guarded=False, allow_open=True)
