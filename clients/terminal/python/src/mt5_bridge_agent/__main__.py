"""The command `mt5-bridge-agent`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from .agent import Agent
from .errors import InboxTaken
from .settings import SettingError, from_process


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", stream=sys.stderr)
    try:
        settings = from_process(sys.argv[1:])
        # A service's stop is a person's Ctrl-C.
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
        asyncio.run(Agent(settings).run())
    except (SettingError, InboxTaken) as error:
        sys.exit(f"mt5-bridge-agent: {error}")
    except ImportError as error:
        sys.exit(
            f"mt5-bridge-agent: {error}. The package MetaTrader5 runs on Windows and Wine: pip install MetaTrader5"
        )
    except KeyboardInterrupt:
        logging.getLogger("mt5_bridge_agent").info("ended")


if __name__ == "__main__":
    main()
