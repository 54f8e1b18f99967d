"""gRPC in Python, over asyncio: a message a tick, encoded for each subscriber.

    python grpcio_server.py FEED_PORT SUBSCRIBERS

A subscriber that is a thousand ticks behind holds up the feed, so that nothing is lost. The feed begins when there are
so many subscribers. Prints its port.
"""

import asyncio
import sys

import grpc
from feed import EPOCH, ticks
from ticks_pb2 import Nothing, StreamTicksResponse

queues: set[asyncio.Queue] = set()
feeding: list[asyncio.Task] = []


async def feed() -> None:
    async for place, tick in ticks(int(sys.argv[1])):
        for queue in list(queues):
            await queue.put((place, tick))


async def follow(_request, context):
    queue = asyncio.Queue(1000)
    queues.add(queue)
    if len(queues) == int(sys.argv[2]):
        feeding.append(asyncio.create_task(feed()))
    try:
        while True:
            place, tick = await queue.get()
            message = StreamTicksResponse()
            message.batch.ticks.add(**tick)
            message.batch.cursor.epoch = EPOCH
            message.batch.cursor.sequence = place
            yield message
    finally:
        queues.discard(queue)


async def main() -> None:
    server = grpc.aio.server()
    method = grpc.unary_stream_rpc_method_handler(follow, Nothing.FromString, StreamTicksResponse.SerializeToString)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Peer", {"Ticks": method})])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
