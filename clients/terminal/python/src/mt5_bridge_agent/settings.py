"""What the agent is told: flags before environment variables before a file of the same names."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


class SettingError(Exception):
    """A setting that cannot be: names it, and what it may be."""


@dataclass(frozen=True)
class Settings:
    bridge: str
    token: str
    tls: str
    state: Path
    path: str
    login: int
    server: str
    password: str
    max_volume: float
    max_orders_per_minute: int
    allowed_symbols: frozenset[str]
    dead_man: str
    dead_man_seconds: float
    retry_ms: int
    patience_ms: int
    ring: int


@dataclass(frozen=True)
class Setting:
    """One row of the table of settings. A secret has no flag: a machine's list of processes shows flags to everyone."""

    name: str
    variable: str
    default: str
    parse: Callable[[str], Any]
    wanted: str
    help: str
    secret: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def number_from(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not least <= (number := float(text)) <= most:
            raise ValueError
        return number

    return parse


def whole_from(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not least <= (number := int(text)) <= most:
            raise ValueError
        return number

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return parse


def address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not host or not colon or not 1 <= int(port) <= 65535:
        raise ValueError
    return text


def names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


# fmt: off
SETTINGS: tuple[Setting, ...] = (
    Setting("bridge", "BRIDGE_ADDRESS", "127.0.0.1:50051", address, "host:port",
            "The bridge's gRPC port."),
    Setting("token", "BRIDGE_TOKEN", "", str, "text",
            "API key or token with the scope `terminal`. Empty: none is sent.", secret=True),
    Setting("tls", "BRIDGE_TLS", "", str, "empty, `true` or a file",
            "`true`: TLS, trusting this machine's authorities; a PEM file: trusting those in it; empty: no TLS."),
    Setting("state", "TERMINAL_STATE", "mt5-bridge-agent", Path, "a folder",
            "Where the inbox of commands is kept. One folder for each terminal; keep it."),
    Setting("path", "TERMINAL_PATH", "", str, "a file",
            "terminal64.exe of the terminal to work with. Empty: the one the package finds."),
    Setting("login", "TERMINAL_LOGIN", "0", whole_from(0, 2**63 - 1), "a whole number",
            "The account to log in to at the start. 0: whichever is logged in."),
    Setting("server", "TERMINAL_SERVER", "", str, "text",
            "That account's server, for example `Broker-Demo`."),
    Setting("password", "TERMINAL_PASSWORD", "", str, "text",
            "That account's password. Empty: the one that the terminal has saved.", secret=True),
    Setting("max_volume", "TERMINAL_MAX_VOLUME", "0", number_from(0, 1e9), "lots, 0 or more",
            "The most lots of one order. 0: no limit here."),
    Setting("max_orders_per_minute", "TERMINAL_MAX_ORDERS_PER_MINUTE", "0", whole_from(0, 100_000), "0 to 100000",
            "The most orders in any 60 seconds. 0: no limit here."),
    Setting("allowed_symbols", "TERMINAL_ALLOWED_SYMBOLS", "", names, "names with commas",
            "The symbols that may be traded, by the broker's names. Empty: all."),
    Setting("dead_man", "TERMINAL_DEAD_MAN", "none", one_of("none", "cancel", "flatten"), "none, cancel or flatten",
            "What to do when the bridge stays away: nothing; remove the account's pending orders; "
            "that, and close its positions."),
    Setting("dead_man_seconds", "TERMINAL_DEAD_MAN_SECONDS", "60", number_from(0.1, 1e6), "0.1 to 1000000",
            "After how many seconds without the bridge."),
    Setting("retry_ms", "TERMINAL_RETRY_MS", "1000", whole_from(10, 60_000), "10 to 60000",
            "First pause before dialling again. It doubles up to 30 s."),
    Setting("patience_ms", "TERMINAL_PATIENCE_MS", "180000", whole_from(100, 600_000), "100 to 600000",
            "How long the broker may take to answer an order. MetaTrader's servers drop what is older than 3 minutes."),
    Setting("ring", "TERMINAL_RING", "10000", whole_from(10, 1_000_000), "10 to 1000000",
            "The most reports kept until the bridge has acknowledged them (32 MiB of them at most)."),
)
# fmt: on


def settings_from(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Raises SettingError; ends the program itself on --help and on flags that do not exist."""
    flags = vars(parser().parse_args(arguments))
    kept = file_of(flags["settings"]) if flags["settings"] else {}
    unknown = kept.keys() - {setting.variable for setting in SETTINGS}
    if unknown:
        raise SettingError(f"{flags['settings']}: {', '.join(sorted(unknown))}: no such setting")

    def value_of(setting: Setting) -> Any:
        told = flags.get(setting.name)
        where = setting.flag if told is not None else setting.variable
        if told is None:
            told = environment.get(setting.variable, kept.get(setting.variable))
        try:
            return setting.parse(setting.default if told is None else told)
        except ValueError:
            raise SettingError(f"{where} must be {setting.wanted}") from None

    settings = Settings(**{setting.name: value_of(setting) for setting in SETTINGS})
    host = settings.bridge.rpartition(":")[0]
    if settings.token and not settings.tls and host not in LOOPBACK:
        raise SettingError(f"BRIDGE_TLS must be set: BRIDGE_TOKEN would travel to {host} for everyone to read")
    if settings.tls not in ("", "true") and not Path(settings.tls).is_file():
        raise SettingError(f"BRIDGE_TLS must be empty, `true` or a PEM file: {settings.tls} is not there")
    if settings.login and not settings.server:
        raise SettingError("TERMINAL_SERVER must be set with TERMINAL_LOGIN")
    return settings


def parser() -> ArgumentParser:
    made = ArgumentParser(
        prog="mt5-bridge-agent",
        description="Links the MetaTrader 5 terminal of this machine to mt5-bridge. Each flag can be given as the "
        "environment variable behind it, or in a file of such lines. BRIDGE_TOKEN and TERMINAL_PASSWORD have no flag.",
    )
    made.add_argument(
        "--settings", metavar="FILE", help="A file of lines NAME=value. Variables and flags go before it."
    )
    for setting in SETTINGS:
        if not setting.secret:
            text = f"{setting.help} ({setting.variable}, default {setting.default or 'empty'})"
            made.add_argument(setting.flag, metavar=setting.wanted.replace(" ", "_"), help=text)
    return made


def file_of(path: str) -> dict[str, str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--settings must be a file of lines NAME=value: {error}") from None
    pairs = [line.partition("=") for line in map(str.strip, lines) if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs}


def from_process(arguments: Sequence[str]) -> Settings:
    return settings_from(arguments, os.environ)
