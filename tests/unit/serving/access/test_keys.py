from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import keys as command
from serving.access.key_file import LOOK_SECONDS, KeyFile, read, write
from serving.access.keys import KeyFileError, KeyRecord, issue, matching, parse_file

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)


@given(ids, st.sets(st.sampled_from(["predict", "metrics", "admin"]), min_size=1))
def test_a_key_finds_its_record_through_the_file(key_id: str, scopes: set[str]) -> None:
    """And only the whole key does."""
    key, record = issue(key_id, scopes)
    records = parse_file(record.line)
    assert matching(records, key) == record
    assert record.principal.scopes == scopes
    assert matching(records, key[:-1]) is None
    assert matching(records, key + "a") is None


def test_the_file_does_not_have_the_key() -> None:
    """Only what its hash is."""
    key, record = issue("shop", ["predict"])
    assert key.rpartition("_")[2] not in record.line


def test_two_keys_of_one_id_differ() -> None:
    """They are random."""
    assert issue("a", ["predict"])[0] != issue("a", ["predict"])[0]


def test_a_hash_under_another_id_fits_no_key() -> None:
    """Whoever may write a line of their own cannot take another's scopes with it."""
    key, record = issue("mine", ["predict"])
    moved = KeyRecord("other", frozenset(["admin"]), record.hash)
    assert matching({"other": moved}, key.replace("mine", "other")) is None


@pytest.mark.parametrize("key", ["", "shop_", "shop_a", "shop_a_", "x" * 10_000, "shop_ä_b", "shop_a_\udce4"])
def test_what_is_no_key_fits_nothing(key: str) -> None:
    """Without an error."""
    assert matching({"a": issue("a", ["predict"])[1]}, key) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a predict", "line 1: a line has an id, scopes and a hash, this one has 2 parts"),
        (f"\n# note\nA predict {'0' * 64}", "line 3: the id 'A' may have small letters"),
        (f"a root {'0' * 64}", "line 1: there is no scope 'root'; there are predict, metrics, admin"),
        ("a predict 123", "line 1: the hash of key 'a' is not 64 hex digits"),
        (f"a predict {'0' * 64}\na admin {'0' * 64}", "line 2: there are two keys 'a'"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(text: str, said: str) -> None:
    """With its number and what is wrong."""
    with pytest.raises(KeyFileError) as raised:
        parse_file(text)
    assert str(raised.value).startswith(said)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_changed_file_counts_after_a_second(tmp_path: Path) -> None:
    """A new key is known, a revoked one is not."""
    path, clock = tmp_path / "keys", Clock()
    (first, kept), (second, added) = issue("first", ["predict"]), issue("second", ["admin"])
    write(path, [kept])
    file = KeyFile(path, clock)
    assert file.find(first) == kept
    write(path, [added])
    assert file.find(first) == kept
    clock.now += LOOK_SECONDS
    assert (file.find(first), file.find(second)) == (None, added)


def test_a_file_that_turns_bad_keeps_the_keys_and_one_that_is_gone_has_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A half-written file must not lock everybody out."""
    path, clock = tmp_path / "keys", Clock()
    key, record = issue("first", ["predict"])
    write(path, [record])
    file = KeyFile(path, clock)
    path.write_text("first predict")
    clock.now += LOOK_SECONDS
    assert file.find(key) == record
    assert "stay valid" in caplog.text
    path.unlink()
    clock.now += LOOK_SECONDS
    assert file.find(key) is None


def test_an_absent_file_is_refused_at_the_start(tmp_path: Path) -> None:
    """With the way out."""
    with pytest.raises(KeyFileError, match=r"keys cannot be read: .*python -m serving\.keys"):
        KeyFile(tmp_path / "keys")


def run(path: Path, *arguments: str) -> int:
    return command.main(["--file", str(path), *arguments])


def test_the_command_creates_lists_and_revokes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key is printed once; only its owner may read the file."""
    path = tmp_path / "below" / "keys"
    assert run(path, "create", "front") == 0
    key = capsys.readouterr().out.strip()
    record = matching(read(path), key)
    assert record
    assert record.scopes == {"predict"}
    assert path.stat().st_mode & 0o077 == 0
    assert run(path, "create", "ops", "--scope", "admin", "--scope", "metrics") == 0
    capsys.readouterr()
    assert run(path, "list") == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["front", "predict"],
        ["ops", "admin,metrics"],
    ]
    assert run(path, "revoke", "front") == 0
    assert set(read(path)) == {"ops"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "here"), "there is a key 'here' in"),
        (("create", "No Good"), "the id 'No Good' may have"),
        (("revoke", "gone"), "there is no key 'gone' in"),
    ],
)
def test_the_command_says_why_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], said: str
) -> None:
    """One line, exit status 2, the file as it was."""
    path = tmp_path / "keys"
    write(path, [issue("here", ["predict"])[1]])
    before = path.read_bytes()
    assert run(path, *arguments) == 2
    assert said in capsys.readouterr().err
    assert path.read_bytes() == before


def test_the_settings_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as of the API."""
    monkeypatch.setenv("SHOP_API_KEYS_FILE", str(tmp_path / "keys"))
    assert command.main(["create", "front"]) == 0
    assert set(read(tmp_path / "keys")) == {"front"}
