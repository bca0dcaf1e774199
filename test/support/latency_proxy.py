#!/usr/bin/env python3
"""A TCP proxy that is a long way off: latency_proxy.py LISTEN TARGET ROUND-TRIP-MS

Everything arrives half a round trip later, however much there is of it, and a connection takes one to
be made, as on a line that is long and wide. At the end of each connection its turns are printed: how
often something came from the client after something from the server, or first of all; that is the
number of round trips, but for the one that made the connection.
"""

import asyncio
import sys


class Connection:
    def __init__(self, half):
        self.half = half
        self.turns = 0
        self.last = None

    def passes(self, direction):
        self.turns += direction == "up" and self.last != "up"
        self.last = direction

    async def deliver(self, pieces, writer):
        loop = asyncio.get_running_loop()
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(max(0, due - loop.time()))
            try:
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
            except (OSError, RuntimeError):  # the other side is gone, and so is what is under way
                return

    async def carry(self, reader, writer, direction):
        """What one side sends, to the other one. A turn is counted as it arrives."""
        loop = asyncio.get_running_loop()
        pieces = asyncio.Queue()
        delivery = asyncio.create_task(self.deliver(pieces, writer))
        data = b"-"
        while data:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            if data:
                self.passes(direction)
            pieces.put_nowait((loop.time() + self.half, data))
        await delivery


async def serve(listen, target, half):
    async def accept(reader, writer):
        connection = Connection(half)
        await asyncio.sleep(2 * half)
        try:
            far_reader, far_writer = await asyncio.open_connection(*target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(connection.carry(reader, far_writer, "up"),
                             connection.carry(far_reader, writer, "down"))
        far_writer.close()
        writer.close()
        print(f"{connection.turns} turns", flush=True)

    server = await asyncio.start_server(accept, *listen, backlog=1024)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        asyncio.run(serve(address(sys.argv[1]), address(sys.argv[2]), float(sys.argv[3]) / 2000))
    except KeyboardInterrupt:
        pass
