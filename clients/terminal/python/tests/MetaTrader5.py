"""A stand-in for the official package: the calls that the agent uses, as they are documented and as they misbehave.

It is a broker of one hedging account, too, whose book lies in a file: so it outlives the process that uses it, and a
test may look into it or change it. What it is asked by the environment:

  STAND_IN_BOOK     the file (without it the book is kept in memory only)
  STAND_IN_DIE      the process is killed at this point of an order, once: `guard`, `before`, `after` or `answered`
  STAND_IN_LAG_MS   how long an order or deal takes until the history shows it
  STAND_IN_IPC_MS   after how long a call that nobody answers gives up
  TERMINAL_LOGIN, TERMINAL_SERVER, TERMINAL_TRADE_MODE   who is logged in
  TERMINAL_SYMBOLS  what the market watch shows

`move` moves a price, with the next tick; pending orders that it reaches are executed then.

Orders are misbehaved with by their comment: `#retcode=N`, `#silent`, `#slow=MS`, `#lost=CODE` (executed, and None with
that code), `#none=CODE` (not executed, and None with that code).
"""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import time
from collections import namedtuple
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

COPY_TICKS_ALL = -1
BROKER_AHEAD_MS = 3 * 3600 * 1000
"""The broker's clock is not UTC."""

TICK_EVERY_MS = 100
MARKET_OPENED_AGO_MS = 60_000
COMMENT_LIMIT = 28
HISTORY_LAG_MS = int(os.environ.get("STAND_IN_LAG_MS", "30"))
BARS_SINCE_S = 30 * 24 * 3600
"""How far back there are bars."""


# fmt: off
AccountInfo = namedtuple("AccountInfo", "login trade_mode leverage limit_orders margin_so_mode trade_allowed trade_expert margin_mode currency_digits fifo_close balance credit profit equity margin margin_free margin_level margin_so_call margin_so_so name server currency company")  # noqa: E501
TerminalInfo = namedtuple("TerminalInfo", "connected trade_allowed tradeapi_disabled build ping_last name")
SymbolInfo = namedtuple("SymbolInfo", "time chart_mode select visible digits spread ticks_bookdepth trade_calc_mode trade_mode start_time expiration_time trade_stops_level trade_freeze_level trade_exemode swap_mode swap_rollover3days margin_hedged_use_leg expiration_mode filling_mode order_mode order_gtc_mode bid ask point trade_tick_value trade_tick_size trade_contract_size trade_accrued_interest trade_face_value trade_liquidity_rate volume_min volume_max volume_step volume_limit swap_long swap_short margin_initial margin_maintenance margin_hedged currency_base currency_profit currency_margin description name path")  # noqa: E501
Tick = namedtuple("Tick", "time bid ask last volume time_msc flags volume_real")
TradeOrder = namedtuple("TradeOrder", "ticket time_setup time_setup_msc time_done time_done_msc time_expiration type type_time type_filling state magic position_id position_by_id reason volume_initial volume_current price_open sl tp price_current price_stoplimit symbol comment external_id")  # noqa: E501
TradePosition = namedtuple("TradePosition", "ticket time time_msc time_update time_update_msc type magic identifier reason volume price_open sl tp price_current swap profit symbol comment external_id")  # noqa: E501
TradeDeal = namedtuple("TradeDeal", "ticket order time time_msc type entry magic position_id reason volume price commission swap profit fee symbol comment external_id")  # noqa: E501
OrderSendResult = namedtuple("OrderSendResult", "retcode deal order volume price bid ask comment request_id retcode_external request")  # noqa: E501
OrderCheckResult = namedtuple("OrderCheckResult", "retcode balance equity profit margin margin_free margin_level comment request")  # noqa: E501

TICKS = [("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("last", "<f8"), ("volume", "<u8"), ("time_msc", "<i8"), ("flags", "<u4"), ("volume_real", "<f8")]  # noqa: E501
BARS = [("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"), ("tick_volume", "<u8"), ("spread", "<i4"), ("real_volume", "<u8")]  # noqa: E501
REQUEST = {"action": int, "magic": int, "order": int, "symbol": str, "volume": float, "price": float, "stoplimit": float, "sl": float, "tp": float, "deviation": int, "type": int, "type_filling": int, "type_time": int, "expiration": int, "comment": str, "position": int, "position_by": int}  # noqa: E501
# fmt: on

PRICES = {"EURUSD": (1.10000, 1.10010), "GBPUSD": (1.25000, 1.25010), "USDJPY": (150.000, 150.010)}


def server_ms() -> int:
    return time.time_ns() // 1_000_000 + BROKER_AHEAD_MS


def fresh_book() -> dict[str, Any]:
    return {
        "login": int(os.environ.get("TERMINAL_LOGIN", 0)) or 1000001,
        "server": os.environ.get("TERMINAL_SERVER") or "Broker-Demo",
        "trade_mode": int(os.environ.get("TERMINAL_TRADE_MODE", 0)),
        "passwords": {"2000002@Other-Demo": "secret"},
        "watched": (os.environ.get("TERMINAL_SYMBOLS") or "EURUSD,GBPUSD").split(","),
        "prices": {symbol: list(prices) for symbol, prices in PRICES.items()},
        "opened_ms": server_ms() - MARKET_OPENED_AGO_MS,
        "tape": None,  # symbol → [[ms, bid, ask], …] in place of a tick every 100 ms
        "moves": [],  # [symbol, ms, bid, ask]: the price from then on
        "moved": 0,  # so many of them have come
        "balance": 10_000.0,
        "ticket": 5_000,
        "orders": [],
        "positions": [],
        "past": [],  # each with the moment from which it shows
        "deals": [],
        "sends": [],  # every request that reached the broker
        "connected": True,
        "terminal_info": True,
        "terminal_runs": True,
        "algo": True,
        "died": False,
    }


class Book:
    def __init__(self) -> None:
        self.path = Path(os.environ["STAND_IN_BOOK"]) if "STAND_IN_BOOK" in os.environ else None
        self.stamp = (0, 0)
        self.content = fresh_book()

    def load(self) -> dict[str, Any]:
        if self.path is not None:
            try:
                at = self.path.stat()
            except FileNotFoundError:
                self.save()
            else:
                if (stamp := (at.st_mtime_ns, at.st_ino)) != self.stamp:
                    self.content, self.stamp = json.loads(self.path.read_text()), stamp
        return self.content

    def save(self) -> None:
        if self.path is not None:
            beside = self.path.with_suffix(f".{os.getpid()}")
            beside.write_text(json.dumps(self.content))
            os.replace(beside, self.path)
            at = self.path.stat()
            self.stamp = (at.st_mtime_ns, at.st_ino)


book = Book()
initialized = False
error: tuple[int, str] = (1, "Success")
flight = threading.Lock()
Call = TypeVar("Call", bound=Callable[..., Any])


def single_flight(call: Call) -> Call:
    """The package is not thread-safe: whoever calls it twice at a time is wrong."""

    @wraps(call)
    def guarded(*arguments: Any, **named: Any) -> Any:
        if not flight.acquire(blocking=False):
            raise AssertionError(f"{call.__name__} was called while another call was under way")
        try:
            return call(*arguments, **named)
        finally:
            flight.release()

    return guarded  # type: ignore[return-value]


def asks(call: Call) -> Call:
    """Without a terminal: None, and the reason in last_error."""

    @single_flight
    @wraps(call)
    def asked(*arguments: Any, **named: Any) -> Any:
        global error
        if not initialized or not book.load()["terminal_runs"]:
            error = (-10004, "No IPC connection")
            return None
        error = (1, "Success")
        move_market(book.content)
        return call(*arguments, **named)

    return asked  # type: ignore[return-value]


def fail(code: int, text: str) -> None:
    global error
    error = (code, text)


def reset() -> Book:
    """A new book, for tests in the same process."""
    global book, initialized
    book, initialized = Book(), False
    return book


@single_flight
def initialize(path: str = "", *, login: int = 0, password: str = "", server: str = "", timeout: int = 60_000) -> bool:
    global initialized, error
    if not book.load()["terminal_runs"]:
        error = (-10003, "IPC initialize failed, MetaTrader 5 x64 not found")
        return False
    initialized, error = True, (1, "Success")
    return True


@asks
def login(login: int, password: str = "", server: str = "", timeout: int = 60_000) -> bool:
    content = book.content
    if content["passwords"].get(f"{login}@{server}") != password:
        fail(-6, "Terminal: Authorization failed")
        return False
    content.update(login=login, server=server, orders=[], positions=[], past=[], deals=[])
    book.save()
    return True


def last_error() -> tuple[int, str]:
    return error


@single_flight
def shutdown() -> None:
    global initialized
    initialized = False


@asks
def version() -> tuple[int, int, str]:
    return (500, 5430, "1 Jan 2026")


@asks
def terminal_info() -> Any:
    content = book.content
    if not content["terminal_info"]:
        return None
    return TerminalInfo(content["connected"], content["algo"], False, 5430, 12_345, "Stand-in")


@asks
def account_info() -> Any:
    content = book.content
    profit = sum(position.profit for position in positions(content))
    margin = sum(position.volume * 1_000 for position in positions(content))
    equity = content["balance"] + profit
    die_at("guard")
    if content["sends"]:
        die_at("answered")
    return AccountInfo(
        login=content["login"],
        trade_mode=content["trade_mode"],
        leverage=100,
        limit_orders=200,
        margin_so_mode=0,
        trade_allowed=content["connected"],
        trade_expert=True,
        margin_mode=2,
        currency_digits=2,
        fifo_close=False,
        balance=content["balance"],
        credit=0.0,
        profit=profit,
        equity=equity,
        margin=margin,
        margin_free=equity - margin,
        margin_level=equity / margin * 100 if margin else 0.0,
        margin_so_call=50.0,
        margin_so_so=30.0,
        name="A. Trader",
        server=content["server"],
        currency="USD",
        company="Stand-in Ltd",
    )


def symbol_of(content: dict[str, Any], name: str) -> Any:
    bid, ask = content["prices"][name]
    digits = 3 if name.endswith("JPY") else 5
    shown = name in content["watched"]
    rows = ticks_since(content, name, server_ms() - 5_000) if shown else []
    return SymbolInfo(
        time=rows[-1][0] // 1000 if rows else 0,
        chart_mode=0,
        select=shown,
        visible=shown,
        digits=digits,
        spread=10,
        ticks_bookdepth=0,
        trade_calc_mode=0,
        trade_mode=4,
        start_time=0,
        expiration_time=0,
        trade_stops_level=0,
        trade_freeze_level=0,
        trade_exemode=2,
        swap_mode=1,
        swap_rollover3days=3,
        margin_hedged_use_leg=False,
        expiration_mode=15,
        filling_mode=3,
        order_mode=127,
        order_gtc_mode=0,
        bid=bid if shown else 0.0,
        ask=ask if shown else 0.0,
        point=10**-digits,
        trade_tick_value=1.0,
        trade_tick_size=10**-digits,
        trade_contract_size=100_000.0,
        trade_accrued_interest=0.0,
        trade_face_value=0.0,
        trade_liquidity_rate=0.0,
        volume_min=0.01,
        volume_max=100.0,
        volume_step=0.01,
        volume_limit=0.0,
        swap_long=-6.8,
        swap_short=1.2,
        margin_initial=0.0,
        margin_maintenance=0.0,
        margin_hedged=50_000.0,
        currency_base=name[:3],
        currency_profit=name[3:],
        currency_margin=name[:3],
        description=f"{name[:3]} against {name[3:]}",
        name=name,
        path=f"Forex\\{name}",
    )


@asks
def symbols_get(group: str = "*") -> Any:
    return tuple(symbol_of(book.content, name) for name in book.content["prices"])


@asks
def symbol_info(name: str) -> Any:
    if name not in book.content["prices"]:
        return fail(-4, "Terminal: Not found")
    return symbol_of(book.content, name)


@asks
def symbol_select(name: str, enable: bool = True) -> bool:
    content = book.content
    if name not in content["prices"]:
        fail(-4, "Terminal: Not found")
        return False
    if enable and name not in content["watched"]:
        content["watched"].append(name)
        book.save()
    return True


@asks
def symbol_info_tick(name: str) -> Any:
    content = book.content
    if name not in content["watched"]:
        return fail(-4, "Terminal: Not found")
    rows = ticks_since(content, name, 0)
    if not rows:
        return Tick(0, 0.0, 0.0, 0.0, 0, 0, 0, 0.0)
    ms, bid, ask = rows[-1]
    return Tick(ms // 1000, bid, ask, 0.0, 0, ms, 134, 0.0)


def ticks_since(content: dict[str, Any], name: str, from_ms: int) -> list[list[Any]]:
    if content["tape"] is not None:
        return [row for row in content["tape"].get(name, []) if row[0] >= from_ms]
    first = -(-max(from_ms, content["opened_ms"]) // TICK_EVERY_MS) * TICK_EVERY_MS
    return [[ms, *price_at(content, name, ms)] for ms in range(first, server_ms(), TICK_EVERY_MS)]


def price_at(content: dict[str, Any], name: str, ms: int) -> list[float]:
    prices = [content["prices"][name], *(row[2:] for row in content["moves"] if row[0] == name and row[1] <= ms)]
    return list(prices[-1])


wanted_prices: queue.SimpleQueue[tuple[str, float, float]] = queue.SimpleQueue()


def move(name: str, bid: float, ask: float) -> None:
    """From any thread."""
    wanted_prices.put((name, bid, ask))


def move_market(content: dict[str, Any]) -> None:
    """A price that was asked for is there with the next tick, and then what it sets off."""
    now = server_ms()
    moves = content["moves"]
    while not wanted_prices.empty():
        name, bid, ask = wanted_prices.get()
        if not any(row[0] == name for row in moves):
            moves.append([name, 0, *content["prices"][name]])
        moves.append([name, (now // TICK_EVERY_MS + 1) * TICK_EVERY_MS, bid, ask])
    while content["moved"] < len(moves) and moves[content["moved"]][1] < now:
        name, _, bid, ask = moves[content["moved"]]
        content["moved"] += 1
        content["prices"][name] = [bid, ask]
        fill_reached(content, name, bid, ask)
        book.save()


def fill_reached(content: dict[str, Any], name: str, bid: float, ask: float) -> None:
    for order in [row for row in content["orders"] if row["symbol"] == name]:
        limit = order["price_open"]
        reached = {2: ask <= limit, 3: bid >= limit, 4: ask >= limit, 5: bid <= limit}
        if not reached.get(order["type"], False):
            continue
        content["orders"].remove(order)
        bought = order["type"] % 2 == 0
        position = opened(content, order, 0 if bought else 1, ask if bought else bid)
        deal(content, {**order, "type": position["type"]}, position, 0, position["price_open"])
        into_history(content, {**order, "volume_current": 0.0, "position_id": position["identifier"]}, 4)


@asks
def copy_ticks_from(symbol: str, date_from: int, count: int, flags: int) -> Any:
    assert isinstance(date_from, int), "a datetime would be read in this machine's zone"
    if symbol not in book.content["prices"]:
        return fail(-4, "Terminal: Not found")
    rows = ticks_since(book.content, symbol, date_from * 1000)[:count]
    return np.array([(ms // 1000, bid, ask, 0.0, 0, ms, 134, 0.0) for ms, bid, ask in rows], dtype=TICKS)


@asks
def copy_rates_range(symbol: str, timeframe: int, date_from: int, date_to: int) -> Any:
    assert isinstance(date_from, int) and isinstance(date_to, int)
    if symbol not in book.content["prices"]:
        return fail(-4, "Terminal: Not found")
    period = (timeframe & 0x3FFF) * (3600 if timeframe & 0x4000 else 60)
    bid = book.content["prices"][symbol][0]
    last = min(date_to, server_ms() // 1000)
    first = max(date_from, server_ms() // 1000 - BARS_SINCE_S)
    openings = range(-(-first // period) * period, last + 1, period)
    return np.array([(opening, bid, bid, bid, bid, 600, 10, 0) for opening in openings], dtype=BARS)


# The account's records


def positions(content: dict[str, Any]) -> list[Any]:
    found = []
    for fields in content["positions"]:
        bid, ask = content["prices"][fields["symbol"]]
        now = bid if fields["type"] == 0 else ask
        way = 1 if fields["type"] == 0 else -1
        profit = round(way * (now - fields["price_open"]) * fields["volume"] * 100_000, 2)
        found.append(TradePosition(**{**fields, "price_current": now, "profit": profit}))
    return found


def shown(rows: list[dict[str, Any]], key: str, date_from: int, date_to: int) -> list[dict[str, Any]]:
    """Between the two, by the broker's clock, and not before the history has caught up."""
    assert isinstance(date_from, int) and isinstance(date_to, int), "a datetime would be read in this machine's zone"
    now = server_ms()
    found = [row for row in rows if row["shows_ms"] <= now and date_from * 1000 <= row[key] <= date_to * 1000]
    return [{name: value for name, value in row.items() if name != "shows_ms"} for row in found]


@asks
def orders_get() -> Any:
    return tuple(TradeOrder(**fields) for fields in book.content["orders"])


@asks
def positions_get() -> Any:
    return tuple(positions(book.content))


@asks
def history_orders_total(date_from: int, date_to: int) -> int:
    return len(shown(book.content["past"], "time_done_msc", date_from, date_to))


@asks
def history_orders_get(date_from: int, date_to: int) -> Any:
    return tuple(TradeOrder(**row) for row in shown(book.content["past"], "time_done_msc", date_from, date_to))


@asks
def history_deals_total(date_from: int, date_to: int) -> int:
    return len(shown(book.content["deals"], "time_msc", date_from, date_to))


@asks
def history_deals_get(date_from: int, date_to: int) -> Any:
    return tuple(TradeDeal(**row) for row in shown(book.content["deals"], "time_msc", date_from, date_to))


# Trading


def valid(request: dict[str, Any]) -> bool:
    """What the package itself refuses, before anything is sent."""
    for name, value in request.items():
        if name not in REQUEST or (
            type(value) is not REQUEST[name] and not (REQUEST[name] is float and type(value) is int)
        ):
            fail(-2, f'Invalid "{name}" argument')
            return False
    comment = request.get("comment", "")
    if len(comment) > COMMENT_LIMIT or not comment.isascii():
        fail(-2, 'Invalid "comment" argument')
        return False
    return True


@asks
def order_calc_margin(action: int, symbol: str, volume: float, price: float) -> Any:
    if symbol not in book.content["prices"]:
        return fail(-4, "Terminal: Not found")
    return volume * 1_000 * price


@asks
def order_check(request: dict[str, Any]) -> Any:
    if not valid(request):
        return None
    content = book.content
    volume = request.get("volume", 0.0)
    retcode, text = (0, "Done") if 0.01 <= volume <= 100 else (10014, "Invalid volume")
    return OrderCheckResult(
        retcode, content["balance"], content["balance"], 0.0, volume * 1_000, 0.0, 0.0, text, request
    )


@asks
def order_send(request: dict[str, Any]) -> Any:
    if not valid(request):
        return None
    content = book.content
    if not content["algo"]:
        return fail(-8, "Auto trading disabled")
    die_at("before")
    word, _, number = request.get("comment", "").partition("=")
    if word == "#silent":
        time.sleep(int(os.environ.get("STAND_IN_IPC_MS", "300")) / 1000)
        return fail(-10005, "IPC timeout")
    if word == "#none":
        return fail(int(number), "said so")
    if word == "#retcode":
        return result(request, int(number), "said so")
    content["sends"].append(request)
    answer = EXECUTE.get(request["action"], unknown_action)(content, request)
    book.save()
    die_at("after")
    if word == "#slow":
        time.sleep(int(number) / 1000)
    if word == "#lost":
        return fail(int(number), "said so")
    return answer


def result(request: dict[str, Any], retcode: int, comment: str, **fields: Any) -> Any:
    empty = {"deal": 0, "order": 0, "volume": 0.0, "price": 0.0, "bid": 0.0, "ask": 0.0}
    made = {**empty, "request_id": 77, "retcode_external": 0, **fields}
    return OrderSendResult(retcode=retcode, comment=comment, request=request, **made)


def next_ticket(content: dict[str, Any]) -> int:
    content["ticket"] += 1
    return int(content["ticket"])


def order_fields(content: dict[str, Any], request: dict[str, Any], **fields: Any) -> dict[str, Any]:
    now = server_ms()
    made = {
        "ticket": next_ticket(content),
        "time_setup": now // 1000,
        "time_setup_msc": now,
        "time_done": 0,
        "time_done_msc": 0,
        "time_expiration": request.get("expiration", 0),
        "type": request.get("type", 0),
        "type_time": request.get("type_time", 0),
        "type_filling": request.get("type_filling", 0),
        "state": 1,
        "magic": request.get("magic", 0),
        "position_id": 0,
        "position_by_id": 0,
        "reason": 3,
        "volume_initial": request.get("volume", 0.0),
        "volume_current": request.get("volume", 0.0),
        "price_open": float(request.get("price", 0.0)),
        "sl": float(request.get("sl", 0.0)),
        "tp": float(request.get("tp", 0.0)),
        "price_current": 0.0,
        "price_stoplimit": float(request.get("stoplimit", 0.0)),
        "symbol": request.get("symbol", ""),
        "comment": request.get("comment", ""),
        "external_id": "",
    }
    return {**made, **fields}


def into_history(content: dict[str, Any], order: dict[str, Any], state: int) -> None:
    now = server_ms()
    done = {"state": state, "time_done": now // 1000, "time_done_msc": now, "shows_ms": now + HISTORY_LAG_MS}
    content["past"].append({**order, **done})


def deal(content: dict[str, Any], order: dict[str, Any], position: dict[str, Any], entry: int, price: float) -> int:
    now, ticket = server_ms(), next_ticket(content)
    way = 1 if position["type"] == 0 else -1
    volume = order["volume_initial"]
    profit = round(way * (price - position["price_open"]) * volume * 100_000, 2) if entry else 0.0
    content["balance"] += profit
    content["deals"].append(
        {
            "ticket": ticket,
            "order": order["ticket"],
            "time": now // 1000,
            "time_msc": now,
            "type": order["type"],
            "entry": entry,
            "magic": order["magic"],
            "position_id": position["identifier"],
            "reason": 3,
            "volume": volume,
            "price": price,
            "commission": 0.0,
            "swap": 0.0,
            "profit": profit,
            "fee": 0.0,
            "symbol": position["symbol"],
            "comment": order["comment"],
            "external_id": "",
            "shows_ms": now + HISTORY_LAG_MS,
        }
    )
    return ticket


def opened(content: dict[str, Any], order: dict[str, Any], side: int, price: float) -> dict[str, Any]:
    now = server_ms()
    position = {
        "ticket": order["ticket"],
        "time": now // 1000,
        "time_msc": now,
        "time_update": now // 1000,
        "time_update_msc": now,
        "type": side,
        "magic": order["magic"],
        "identifier": order["ticket"],
        "reason": 3,
        "volume": order["volume_initial"],
        "price_open": price,
        "sl": order["sl"],
        "tp": order["tp"],
        "swap": 0.0,
        "symbol": order["symbol"],
        "comment": order["comment"],
        "external_id": "",
    }
    content["positions"].append(position)
    return position


def at_market(content: dict[str, Any], request: dict[str, Any]) -> Any:
    symbol, volume = request.get("symbol", ""), request.get("volume", 0.0)
    if symbol not in content["watched"]:
        return result(request, 10013, "Invalid request")
    if not 0.01 <= volume <= 100 or abs(volume * 100 - round(volume * 100)) > 1e-6:
        return result(request, 10014, "Invalid volume")
    if request["type"] not in (0, 1):
        return result(request, 10035, "Invalid order")
    if request.get("type_filling", 0) not in (0, 1):  # the mask is 3: fill or kill, immediate or cancel
        return result(request, 10030, "Unsupported filling mode")
    if "price" not in request:
        return result(request, 10015, "Invalid price")
    bid, ask = content["prices"][symbol]
    price = ask if request["type"] == 0 else bid
    closed = request.get("position", 0)
    position = next((row for row in content["positions"] if row["ticket"] == closed), None)
    if closed and position is None:
        return result(request, 10036, "Position doesn't exist")
    if position is not None and (position["type"] == request["type"] or volume > position["volume"] + 1e-9):
        return result(request, 10038, "Invalid close volume")
    margin = sum(row["volume"] for row in content["positions"]) + volume
    if position is None and margin * 1_000 > content["balance"]:
        return result(request, 10019, "No money")
    order = order_fields(content, request, price_open=price, volume_current=0.0)
    if position is None:
        position = opened(content, order, request["type"], price)
        made = deal(content, order, position, 0, price)
    else:
        position["volume"] = round(position["volume"] - volume, 8)
        position["time_update_msc"] = server_ms()
        if not position["volume"]:
            content["positions"].remove(position)
        made = deal(content, order, position, 1, price)
    into_history(content, {**order, "position_id": position["identifier"]}, 4)
    told = {"deal": made, "order": order["ticket"], "volume": volume, "price": price, "bid": bid, "ask": ask}
    return result(request, 10009, "Request executed", **told)


def pending(content: dict[str, Any], request: dict[str, Any]) -> Any:
    if request.get("symbol", "") not in content["watched"]:
        return result(request, 10013, "Invalid request")
    order = order_fields(content, request)
    content["orders"].append(order)
    return result(request, 10009, "Request executed", order=order["ticket"], volume=order["volume_initial"])


def order_named(content: dict[str, Any], request: dict[str, Any]) -> dict[str, Any] | None:
    return next((row for row in content["orders"] if row["ticket"] == request.get("order")), None)


def modify(content: dict[str, Any], request: dict[str, Any]) -> Any:
    order = order_named(content, request)
    if order is None:
        return result(request, 10013, "Invalid request")
    names = {"price_open": "price", "sl": "sl", "tp": "tp", "time_expiration": "expiration"}
    changed = {**order, **{name: request.get(asked, 0) for name, asked in names.items()}}
    if changed == order:
        return result(request, 10025, "No changes")
    order.update(changed)
    return result(request, 10009, "Request executed", order=order["ticket"])


def remove(content: dict[str, Any], request: dict[str, Any]) -> Any:
    order = order_named(content, request)
    if order is None:
        return result(request, 10013, "Invalid request")
    content["orders"].remove(order)
    into_history(content, order, 2)
    return result(request, 10009, "Request executed", order=order["ticket"])


def stops(content: dict[str, Any], request: dict[str, Any]) -> Any:
    position = next((row for row in content["positions"] if row["ticket"] == request.get("position")), None)
    if position is None:
        return result(request, 10036, "Position doesn't exist")
    changed = {"sl": float(request.get("sl", 0.0)), "tp": float(request.get("tp", 0.0))}
    if changed == {"sl": position["sl"], "tp": position["tp"]}:
        return result(request, 10025, "No changes")
    position.update(changed)
    return result(request, 10009, "Request executed")


def close_by(content: dict[str, Any], request: dict[str, Any]) -> Any:
    rows = {row["ticket"]: row for row in content["positions"]}
    one, other = rows.get(request.get("position")), rows.get(request.get("position_by"))
    if one is None or other is None or one["type"] == other["type"]:
        return result(request, 10036, "Position doesn't exist")
    volume = min(one["volume"], other["volume"])
    order = order_fields(content, {**request, "type": 8, "symbol": one["symbol"], "volume": volume})
    first = deal(content, order, one, 3, other["price_open"])
    deal(content, order, other, 3, other["price_open"])
    for position in (one, other):
        position["volume"] = round(position["volume"] - volume, 8)
        if not position["volume"]:
            content["positions"].remove(position)
    into_history(content, {**order, "position_id": one["ticket"], "position_by_id": other["ticket"]}, 4)
    return result(request, 10009, "Request executed", order=order["ticket"], deal=first, volume=volume)


def unknown_action(content: dict[str, Any], request: dict[str, Any]) -> Any:
    return result(request, 10013, "Invalid request")


EXECUTE = {1: at_market, 5: pending, 6: stops, 7: modify, 8: remove, 10: close_by}


def die_at(point: str) -> None:
    """Once. `guard` is the first question for the account after a trading command was written into the inbox."""
    content = book.content
    if os.environ.get("STAND_IN_DIE") != point or content["died"]:
        return
    if point == "guard" and not inbox_has_trade():
        return
    content["died"] = True
    book.save()
    os.kill(os.getpid(), signal.SIGKILL)


def inbox_has_trade() -> bool:
    state = Path(os.environ.get("TERMINAL_STATE", "."))
    return any(b"trade-" in path.read_bytes() for path in state.glob("*.inbox*"))
