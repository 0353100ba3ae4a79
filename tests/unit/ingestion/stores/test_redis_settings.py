"""Settings of the online store: where Redis is, and what is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ingestion.stores.online import RedisOnlineStoreConfig
from ingestion.stores.redis_online.address import RedisUnavailableError, parse


@pytest.mark.parametrize("setting", ["connection_string", "connection_string_file", "sentinel_master"])
@pytest.mark.parametrize("value", ["${REDIS_NOWHERE}:6379", "$REDIS_NOWHERE"])
def test_trap_9_an_unset_variable_is_refused(setting: str, value: str) -> None:
    """Feast keeps an unset ${VAR} as it stands; the error names the setting, the file and the variable."""
    given = {"connection_string": "localhost:6379"} if setting == "sentinel_master" else {}
    with pytest.raises(
        ValidationError, match=rf"online_store\.{setting} in feature_store\.yaml .* no REDIS_NOWHERE"
    ):
        RedisOnlineStoreConfig(**given, **{setting: value})


def test_an_address_is_needed() -> None:
    """Neither a connection string nor a file: the error says what writes one and how to give one."""
    with pytest.raises(ValidationError, match=r"`make up` writes .*redis\.addr, or set connection_string"):
        RedisOnlineStoreConfig()


def test_two_addresses_are_refused() -> None:
    """It would not be clear which one holds."""
    with pytest.raises(ValidationError, match="one of connection_string and connection_string_file"):
        RedisOnlineStoreConfig(connection_string="localhost:6379", connection_string_file="redis.addr")


def test_feasts_glide_client_is_refused() -> None:
    """A setting that would do nothing is an error."""
    with pytest.raises(ValidationError, match="leave it out"):
        RedisOnlineStoreConfig(connection_string="localhost:6379", client="glide")


def test_the_address_is_read_from_a_file(tmp_path: Path) -> None:
    """The file lies relative to the repository and holds what connection_string would hold."""
    (tmp_path / "redis.addr").write_text("127.0.0.1:6380,db=2,password=s3cret\n")
    address = RedisOnlineStoreConfig(connection_string_file="redis.addr").address(tmp_path)
    assert address.nodes == (("127.0.0.1", 6380),)
    assert address.parameters == {"db": 2, "password": "s3cret"}
    assert "s3cret" not in repr(address)


def test_a_missing_address_file_says_what_to_do(tmp_path: Path) -> None:
    """The error names the file and the command that writes it."""
    settings = RedisOnlineStoreConfig(connection_string_file="redis.addr")
    with pytest.raises(RedisUnavailableError, match=r"redis\.addr is not there; start .*`make up`"):
        settings.address(tmp_path)


@pytest.mark.parametrize("text", ["", "localhost", "db=1", "localhost:port"])
def test_an_address_without_host_and_port_is_refused(text: str) -> None:
    """The error shows how an address looks."""
    with pytest.raises(ValueError, match="for example localhost:6379"):
        parse(text, "online_store.connection_string")


def test_an_address_may_have_many_nodes() -> None:
    """A cluster's or the sentinels' nodes stand one behind the other."""
    assert parse("a:1,b:2,ssl=true", "here").nodes == (("a", 1), ("b", 2))


def test_a_password_is_never_read_as_a_number() -> None:
    """Digits stay digits, leading zeros and all; a database is one."""
    read = parse("a:1,db=2,username=007,password=1e5", "here")
    assert read.parameters == {"db": 2, "username": "007", "password": "1e5"}


def test_a_password_may_lie_in_a_file(tmp_path: Path) -> None:
    """Its first line, read once; a file that is not there, or has none, is named."""
    file = tmp_path / "password"
    with pytest.raises(ValueError, match=r"here names password_file=.*password, which cannot be read"):
        parse(f"a:1,password_file={file}", "here")
    file.touch()
    with pytest.raises(ValueError, match="which is empty; its first line is the password"):
        parse(f"a:1,password_file={file}", "here")
    file.write_text("007\n")
    assert parse(f"a:1,ssl=true,password_file={file}", "here").parameters == {"ssl": True, "password": "007"}
