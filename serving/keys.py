"""API keys: ``python -m serving.keys create|list|revoke``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.access.key_file import read, write
from serving.access.keys import KeyFileError, checked_id, issue
from serving.access.principals import PREDICT, SCOPES


class KeySettings(BaseSettings):
    """Where the keys are; the API reads the same setting."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True, env_ignore_empty=True)

    api_keys_file: Path = Field(default=Path("api-keys"))


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command says; 2 where it cannot."""
    given = _arguments().parse_args(argv)
    try:
        path = given.file or KeySettings().api_keys_file
        return _COMMANDS[given.command](path, given)
    except (KeyFileError, OSError, ValidationError) as error:
        print(f"serving.keys: {error}", file=sys.stderr)
        return 2


def _create(path: Path, given: argparse.Namespace) -> int:
    records = read(path) if path.exists() else {}
    if given.id in records:
        raise KeyFileError(f"there is a key {given.id!r} in {path}; revoke it or choose another id")
    key, record = issue(given.id, given.scope or [PREDICT])
    write(path, [*records.values(), record])
    print(key)
    print(f"This key is shown once; {path} has its hash only.", file=sys.stderr)
    return 0


def _list(path: Path, _: argparse.Namespace) -> int:
    for record in read(path).values():
        print(f"{record.id:<32} {','.join(sorted(record.scopes))}")
    return 0


def _revoke(path: Path, given: argparse.Namespace) -> int:
    records = read(path)
    if checked_id(given.id) not in records:
        raise KeyFileError(f"there is no key {given.id!r} in {path}; it has {', '.join(records) or 'none'}")
    write(path, [record for record in records.values() if record.id != given.id])
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.keys", description="API keys of the prediction API."
    )
    parser.add_argument(
        "--file", type=Path, help="file of keys; by default SHOP_API_KEYS_FILE, else ./api-keys"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key and print it, once")
    create.add_argument("id", help="name of the key: small letters, digits, hyphens")
    create.add_argument("--scope", action="append", choices=SCOPES, help="what it may; repeat it for several")
    commands.add_parser("list", help="print ids and scopes")
    revoke = commands.add_parser("revoke", help="remove a key; a running API refuses it after a second")
    revoke.add_argument("id")
    return parser


_COMMANDS = {"create": _create, "list": _list, "revoke": _revoke}

if __name__ == "__main__":
    sys.exit(main())
