"""How a channel to the bridge is made: its credentials, its limits, and the token that goes with every call."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import grpc
from grpc import aio

Tls = bool | str | os.PathLike[str] | grpc.ChannelCredentials
"""False: none. True: the machine's authorities. A path: the authorities in that PEM file. Or credentials of grpc."""

Answer = TypeVar("Answer")

OPTIONS: list[tuple[str, Any]] = [
    # A bridge that restarts is back in a second or two: do not stay away for longer than our own pauses.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A bridge that has vanished without a word is noticed by these.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]


def credentials_of(tls: Tls) -> grpc.ChannelCredentials | None:
    if isinstance(tls, grpc.ChannelCredentials):
        return tls
    if isinstance(tls, bool):
        return grpc.ssl_channel_credentials() if tls else None
    return grpc.ssl_channel_credentials(Path(tls).read_bytes())


def channel_to(address: str, token: str | None, tls: Tls) -> grpc.Channel:
    credentials = credentials_of(tls)
    if credentials is None:
        channel = grpc.insecure_channel(address, OPTIONS)
    else:
        channel = grpc.secure_channel(address, credentials, OPTIONS)
    return channel if token is None else grpc.intercept_channel(channel, _Token(token))


def async_channel_to(address: str, token: str | None, tls: Tls) -> aio.Channel:
    credentials = credentials_of(tls)
    interceptors: list[aio.ClientInterceptor] = []
    if token is not None:
        interceptors = [_AsyncUnaryToken(token), _AsyncStreamToken(token)]
    if credentials is None:
        return aio.insecure_channel(address, OPTIONS, interceptors=interceptors)
    return aio.secure_channel(address, credentials, OPTIONS, interceptors=interceptors)


class _Authorized:
    """A call's details with the token among its metadata."""

    def __init__(self, details: Any, token: str) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = getattr(details, "compression", None)
        self.metadata = aio.Metadata(*(details.metadata or ()), ("authorization", f"Bearer {token}"))


class _WithToken:
    def __init__(self, token: str) -> None:
        self._token = token


class _Token(_WithToken, grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def intercept_unary_unary(self, continuation: Callable[[Any, Any], Answer], details: Any, request: Any) -> Answer:
        return continuation(_Authorized(details, self._token), request)

    intercept_unary_stream = intercept_unary_unary  # type: ignore[assignment]


class _AsyncUnaryToken(_WithToken, aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Awaitable[Answer]], details: Any, request: Any
    ) -> Answer:
        return await continuation(_Authorized(details, self._token), request)


class _AsyncStreamToken(_WithToken, aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[[Any, Any], Awaitable[Answer]], details: Any, request: Any
    ) -> Answer:
        return await continuation(_Authorized(details, self._token), request)
