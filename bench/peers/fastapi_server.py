"""FastAPI under uvicorn: a WebSocket of JSON, as its documentation broadcasts.

    python fastapi_server.py FEED_PORT SUBSCRIBERS each|once

`each` has every subscriber's message encoded for it, `once` encodes a tick once. The message is the bridge's own.
The feed begins when there are so many subscribers. Prints its port.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from feed import EPOCH, ticks

feed_port, wanted, once = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "once"
app = FastAPI()
subscribers: list[WebSocket] = []
feeding: list[asyncio.Task] = []


def message(place: int, tick: dict) -> dict:
    numbers = {"timeMs": str(tick["time_ms"]), "brokerTimeMs": str(tick["broker_time_ms"])}
    wire = {"symbol": tick["symbol"], "bid": tick["bid"], "ask": tick["ask"], **numbers, "flags": tick["flags"]}
    batch = {"ticks": [{**wire, "sequence": str(tick["sequence"])}], "cursor": {"epoch": EPOCH, "sequence": str(place)}}
    return {"type": "tick_data", "id": "1", "seq": place, "data": {"batch": batch}}


async def broadcast() -> None:
    async for place, tick in ticks(feed_port):
        text = json.dumps(message(place, tick), separators=(",", ":")) if once else ""
        for subscriber in list(subscribers):
            try:
                if once:
                    await subscriber.send_text(text)
                else:
                    await subscriber.send_json(message(place, tick))
            except (WebSocketDisconnect, RuntimeError):
                if subscriber in subscribers:
                    subscribers.remove(subscriber)


@app.websocket("/ws")
async def follow(websocket: WebSocket) -> None:
    await websocket.accept()
    subscribers.append(websocket)
    if len(subscribers) == wanted:
        feeding.append(asyncio.create_task(broadcast()))
    try:
        await websocket.receive_text()
    except WebSocketDisconnect:
        if websocket in subscribers:
            subscribers.remove(websocket)


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="critical", ws_per_message_deflate=False)
uvicorn.Server(config).run(sockets=[listener])
