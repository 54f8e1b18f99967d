"""Requests that carry a key: how they get one, and how they are written down and read back."""

from __future__ import annotations

import uuid
from copy import deepcopy
from typing import Any, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict

from mt5bridge.keys import Sending
from mt5bridge.v1 import orders_pb2
from mt5bridge.v1.orders_pb2 import (
    ORDER_STAGE_IN_DOUBT,
    CancelOrderRequest,
    ClosePositionByRequest,
    ClosePositionRequest,
    ModifyOrderRequest,
    ModifyPositionRequest,
    PlaceOrderRequest,
)

Keyed = TypeVar(
    "Keyed",
    PlaceOrderRequest,
    ModifyOrderRequest,
    CancelOrderRequest,
    ClosePositionRequest,
    ClosePositionByRequest,
    ModifyPositionRequest,
)


def with_key(request: Keyed) -> Keyed:
    """A copy, with a new key where the caller gave none."""
    keyed = deepcopy(request)
    keyed.client_order_id = request.client_order_id or str(uuid.uuid4())
    return keyed


def sending_of(request: Keyed) -> Sending:
    method = type(request).__name__.removesuffix("Request")
    return Sending(request.client_order_id, method, MessageToDict(request, preserving_proto_field_name=True))


def settled(response: Any) -> bool:
    """Whether the bridge knows what became of the request. While it does not, the key stays pending."""
    order = getattr(response, "order", None)
    return order is None or order.stage != ORDER_STAGE_IN_DOUBT


def request_of(sending: Sending) -> Any:
    """The request as it was sent: the same key with the same content."""
    return ParseDict(sending.request, getattr(orders_pb2, f"{sending.method}Request")())
