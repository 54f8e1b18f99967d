"""The package's records as the link has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .mt5bridge.terminal.v1 import link_pb2 as wire


def fingerprint_of(account: Any) -> wire.Fingerprint:
    return wire.Fingerprint(login=account.login, server=account.server, trade_mode=account.trade_mode)


def account_of(account: Any) -> wire.Account:
    return wire.Account(
        fingerprint=fingerprint_of(account),
        name=account.name,
        company=account.company,
        currency=account.currency,
        currency_digits=account.currency_digits,
        leverage=account.leverage,
        margin_mode=account.margin_mode,
        stopout_mode=account.margin_so_mode,
        margin_call_level=account.margin_so_call,
        stopout_level=account.margin_so_so,
        limit_orders=account.limit_orders,
    )


def trade_state_of(info: Any | None, account: Any | None) -> wire.TradeState:
    """Where the terminal says nothing of itself, the account does: it may not trade without a connection."""
    if account is None:
        return wire.TradeState()
    return wire.TradeState(
        connected=bool(info.connected if info is not None else account.trade_allowed),
        algo_allowed=bool(info is None or (info.trade_allowed and not info.tradeapi_disabled)),
        account_allowed=bool(account.trade_allowed and account.trade_expert),
        expert_allowed=bool(account.trade_expert),
        ping_last_us=info.ping_last if info is not None else 0,
    )


def account_state_of(account: Any, positions: Iterable[Any], time_ms: int) -> wire.AccountState:
    return wire.AccountState(
        time_ms=time_ms,
        balance=account.balance,
        credit=account.credit,
        profit=account.profit,
        equity=account.equity,
        margin=account.margin,
        margin_free=account.margin_free,
        margin_level=account.margin_level,
        positions=[
            wire.PositionState(ticket=at.ticket, price_current=at.price_current, profit=at.profit, swap=at.swap)
            for at in positions
        ],
    )


def order_of(order: Any, past: bool) -> wire.Order:
    return wire.Order(
        ticket=order.ticket,
        symbol=order.symbol,
        type=order.type,
        state=order.state,
        reason=order.reason,
        magic=order.magic,
        volume_initial=order.volume_initial,
        volume_current=order.volume_current,
        price_open=order.price_open,
        price_stop_limit=order.price_stoplimit,
        stop_loss=order.sl,
        take_profit=order.tp,
        type_filling=order.type_filling,
        type_time=order.type_time,
        time_expiration=order.time_expiration,
        position_id=order.position_id,
        position_by_id=order.position_by_id,
        time_setup_ms=order.time_setup_msc,
        time_done_ms=order.time_done_msc,
        comment=order.comment,
        past=past,
    )


def deal_of(deal: Any) -> wire.Deal:
    """The package does not tell a deal's stops."""
    return wire.Deal(
        ticket=deal.ticket,
        order=deal.order,
        position_id=deal.position_id,
        symbol=deal.symbol,
        type=deal.type,
        entry=deal.entry,
        reason=deal.reason,
        magic=deal.magic,
        volume=deal.volume,
        price=deal.price,
        profit=deal.profit,
        swap=deal.swap,
        commission=deal.commission,
        fee=deal.fee,
        time_ms=deal.time_msc,
        comment=deal.comment,
    )


def position_of(position: Any) -> wire.Position:
    return wire.Position(
        ticket=position.ticket,
        identifier=position.identifier,
        symbol=position.symbol,
        type=position.type,
        reason=position.reason,
        magic=position.magic,
        volume=position.volume,
        price_open=position.price_open,
        price_current=position.price_current,
        stop_loss=position.sl,
        take_profit=position.tp,
        swap=position.swap,
        profit=position.profit,
        time_ms=position.time_msc,
        time_update_ms=position.time_update_msc,
        comment=position.comment,
    )


def symbol_of(symbol: Any) -> wire.Symbol:
    """The package tells neither sessions nor rates of margin; of swaps it tells the night that counts three times."""
    nights = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    if 0 <= symbol.swap_rollover3days < len(nights):
        nights[symbol.swap_rollover3days] = 3.0
    return wire.Symbol(
        name=symbol.name,
        description=symbol.description,
        path=symbol.path,
        digits=symbol.digits,
        point=symbol.point,
        trade_tick_size=symbol.trade_tick_size,
        trade_tick_value=symbol.trade_tick_value,
        trade_contract_size=symbol.trade_contract_size,
        currency_base=symbol.currency_base,
        currency_profit=symbol.currency_profit,
        currency_margin=symbol.currency_margin,
        trade_calc_mode=symbol.trade_calc_mode,
        trade_mode=symbol.trade_mode,
        trade_execution=symbol.trade_exemode,
        order_gtc_mode=symbol.order_gtc_mode,
        chart_mode=symbol.chart_mode,
        order_mode=symbol.order_mode,
        filling_mode=symbol.filling_mode,
        expiration_mode=symbol.expiration_mode,
        volume_min=symbol.volume_min,
        volume_max=symbol.volume_max,
        volume_step=symbol.volume_step,
        volume_limit=symbol.volume_limit,
        trade_stops_level=symbol.trade_stops_level,
        trade_freeze_level=symbol.trade_freeze_level,
        swap_mode=symbol.swap_mode,
        swap_long=symbol.swap_long,
        swap_short=symbol.swap_short,
        swap_rates=nights,
        margin_initial=symbol.margin_initial,
        margin_maintenance=symbol.margin_maintenance,
        margin_hedged=symbol.margin_hedged,
        margin_hedged_use_leg=bool(symbol.margin_hedged_use_leg),
        book_depth=symbol.ticks_bookdepth,
        face_value=symbol.trade_face_value,
        accrued_interest=symbol.trade_accrued_interest,
        liquidity_rate=symbol.trade_liquidity_rate,
        start_time=symbol.start_time,
        expiration_time=symbol.expiration_time,
    )


def ticks_of(symbol: str, ticks: Any) -> wire.Ticks:
    """Of an array of the package's ticks. Columns of values that are all zero are left out."""
    times = ticks["time_msc"].tolist()
    columns = {
        "bid": ticks["bid"].tolist(),
        "ask": ticks["ask"].tolist(),
        "last": ticks["last"].tolist(),
        "volume": ticks["volume_real"].tolist(),
        "flags": ticks["flags"].tolist(),
    }
    return wire.Ticks(
        symbols=[symbol],
        symbol=[0] * len(times),
        time_ms=[at - before for at, before in zip(times, [0, *times[:-1]], strict=True)],
        **{name: column for name, column in columns.items() if any(column)},
    )


def bars_of(symbol: str, timeframe: int, bars: Any) -> wire.Bars:
    return wire.Bars(
        symbol=symbol,
        timeframe=timeframe,
        time_ms=[opening * 1_000 for opening in bars["time"].tolist()],
        open=bars["open"].tolist(),
        high=bars["high"].tolist(),
        low=bars["low"].tolist(),
        close=bars["close"].tolist(),
        tick_volume=bars["tick_volume"].tolist(),
        real_volume=bars["real_volume"].tolist(),
        spread=bars["spread"].tolist(),
    )
