"""The terminal's side of the link of mt5-bridge, through the official MetaTrader5 package: `mt5-bridge-agent`."""

__version__ = "0.1.0"
