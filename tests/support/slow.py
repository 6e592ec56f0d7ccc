"""A bad network between an agent and its engine: slow.py LISTEN TARGET DELAY JITTER CUT

Both are sockets in the file system. What comes is passed on after DELAY seconds, and up to JITTER more, in each direction, in
order; lost packets are such a jitter to whoever uses TCP. Each connection is cut after about CUT seconds; 0: never. """

import asyncio
import os
import random
import sys

listen, target, delay, jitter, cut = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:6])


async def pass_on(reader, writer):
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    async def send():
        while True:
            at, data = await queue.get()
            if data is None:
                return
            await asyncio.sleep(max(0, at - loop.time()))
            writer.write(data)
            await writer.drain()

    sender = asyncio.ensure_future(send())
    try:
        while data := await reader.read(65536):
            await queue.put((loop.time() + delay + random.random() * jitter, data))
    finally:
        await queue.put((0, None))
        await sender


async def serve(reader, writer):
    try:
        there, back = await asyncio.open_unix_connection(target)
    except OSError:
        writer.close()
        return
    both = [asyncio.ensure_future(pass_on(reader, back)), asyncio.ensure_future(pass_on(there, writer))]
    limit = cut * (0.5 + random.random()) if cut else None
    await asyncio.wait(both, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    for task in both:
        task.cancel()
    for end in (writer, back):
        end.transport.abort()
    await asyncio.gather(*both, return_exceptions=True)


async def main():
    server = await asyncio.start_unix_server(serve, listen + ".new")
    os.rename(listen + ".new", listen)  # who sees it can connect
    async with server:
        await server.serve_forever()


asyncio.run(main())
