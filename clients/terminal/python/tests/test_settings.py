"""What the agent can be told, and what it says to what it cannot be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mt5_bridge_agent.settings import SETTINGS, SettingError, settings_from

PACKAGE = Path(__file__).parent.parent


def test_takes_flags_before_variables_before_a_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.env"
    file.write_text("# mine\nBRIDGE_ADDRESS=file:1\nTERMINAL_RING=20\n\nTERMINAL_ALLOWED_SYMBOLS=EURUSD, GBPUSD\n")
    variables = {"BRIDGE_ADDRESS": "variable:2", "TERMINAL_RING": "30"}
    settings = settings_from(["--settings", str(file), "--bridge", "flag:3"], variables)
    assert (settings.bridge, settings.ring) == ("flag:3", 30)
    assert settings.allowed_symbols == {"EURUSD", "GBPUSD"}
    assert settings_from([], {}).dead_man == "none"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"BRIDGE_ADDRESS": "bridge"}, "BRIDGE_ADDRESS must be host:port"),
        ({"BRIDGE_ADDRESS": "bridge:0"}, "BRIDGE_ADDRESS must be host:port"),
        ({"TERMINAL_MAX_VOLUME": "-1"}, "TERMINAL_MAX_VOLUME must be lots, 0 or more"),
        ({"TERMINAL_MAX_VOLUME": "nan"}, "TERMINAL_MAX_VOLUME must be lots, 0 or more"),
        ({"TERMINAL_DEAD_MAN": "panic"}, "TERMINAL_DEAD_MAN must be none, cancel or flatten"),
        ({"TERMINAL_RING": "5"}, "TERMINAL_RING must be 10 to 1000000"),
        ({"TERMINAL_LOGIN": "12"}, "TERMINAL_SERVER must be set with TERMINAL_LOGIN"),
        ({"BRIDGE_TLS": "no-such.pem"}, "BRIDGE_TLS must be empty, `true` or a PEM file"),
        ({"BRIDGE_TOKEN": "t", "BRIDGE_ADDRESS": "far:50051"}, "BRIDGE_TLS must be set"),
    ],
)
def test_says_what_is_wrong(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=re.escape(message)):
        settings_from([], variables)


def test_names_the_flag_where_it_was_the_flag() -> None:
    with pytest.raises(SettingError, match="--max-volume must be lots"):
        settings_from(["--max-volume", "much"], {})


def test_knows_every_name_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "agent.env").write_text("BRIDGE_ADRESS=host:1\n")
    with pytest.raises(SettingError, match="BRIDGE_ADRESS: no such setting"):
        settings_from(["--settings", str(tmp_path / "agent.env")], {})
    with pytest.raises(SettingError, match="--settings must be a file"):
        settings_from(["--settings", str(tmp_path / "none")], {})


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mt5_bridge_agent", *arguments]
    return subprocess.run(command, cwd=PACKAGE / "src", env={}, capture_output=True, text=True, timeout=30)


def test_helps() -> None:
    told = run("--help")
    assert told.returncode == 0
    for setting in SETTINGS:
        assert (setting.flag in told.stdout) != setting.secret, setting.name
    assert "BRIDGE_TOKEN" in told.stdout


def test_says_in_a_line_what_keeps_it_from_running(tmp_path: Path) -> None:
    told = run("--ring", "x")
    assert told.returncode == 1 and told.stderr == "mt5-bridge-agent: --ring must be 10 to 1000000\n"
    told = run("--state", str(tmp_path))
    assert told.returncode == 1 and "pip install MetaTrader5" in told.stderr and "Traceback" not in told.stderr


def test_the_readme_has_every_setting() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|(.*)\|(.*)\|$", (PACKAGE / "README.md").read_text(), re.M)
    flags = ["" if setting.secret else f"`{setting.flag}`" for setting in SETTINGS]
    defaults = [f"`{setting.default}`" if setting.default else "" for setting in SETTINGS]
    wanted = [
        (setting.variable, flag, default, setting.help)
        for setting, flag, default in zip(SETTINGS, flags, defaults, strict=True)
    ]
    assert [(row[0], *(cell.strip() for cell in row[1:])) for row in rows] == wanted
