#!/usr/bin/env python3
"""A TCP proxy that does to connections what networks and machines do to them.

As a module: `Proxy` runs any number of listeners in a thread of its own; each connection to one of
them is carried to the listener's target with the faults that its number calls for. By hand:

    fault_proxy.py LISTEN TARGET [FAULT...]     fault_proxy.py 127.0.1.1:2222 127.0.0.1:22 'cut up@900'

where every connection gets all the faults. A fault strikes when the byte of its number, counted from
0 in its direction, is the next to go: `up` from the client, `down` to it.

    cut         both sides are closed, in order
    half        this direction ends, in order; the other one goes on
    reset       both sides get a reset
    sever       the client gets a reset, the server never hears of it
    blackhole   from here on everything vanishes, in both directions
    stall       this direction is not read any more: what is sent piles up at the sender
    delay       a pause of `amount` seconds
    trickle     from here on one byte every `amount` seconds
    corrupt     bit `amount` of the byte is flipped
    reorder     two neighbouring pieces of up to `amount` bytes change places
    insert      `amount` bytes come in between that nobody sent

Connections that hang stay as they are, both sockets open, until drop() or the end.
"""

import asyncio
import dataclasses
import re
import socket
import struct
import sys
import threading

UNITS = {
    "cut": "", "half": "", "reset": "", "sever": "", "blackhole": "", "stall": "", "delay": "s",
    "trickle": "s", "corrupt": "bit", "reorder": "bytes", "insert": "bytes",
}
KINDS = tuple(UNITS)
CHUNK = 65536


@dataclasses.dataclass(frozen=True)
class Fault:
    kind: str
    direction: str
    at: int
    amount: float = 0

    def __str__(self):
        unit = UNITS[self.kind]
        return f"{self.kind} {self.direction}@{self.at}" + (f" {self.amount:g} {unit}" if unit else "")

    @staticmethod
    def parse(text):
        found = re.fullmatch(r"([a-z]+) (up|down)@(\d+)(?: ([0-9.]+)(?: [a-z]+)?)?", text)
        if not found or found[1] not in KINDS:
            raise ValueError(f"no fault: {text}")
        return Fault(found[1], found[2], int(found[3]), float(found[4] or 1))


class Link:
    """One connection, and what the faults have made of it."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.open = 2  # directions
        self.vanished = False  # what either side says is read, and lost
        self.over = asyncio.get_running_loop().create_future()  # its result: how both sides end

    def end(self, how):
        if not self.over.done():
            self.over.set_result(how)


class Pump:
    """One direction of a link."""

    def __init__(self, link, direction, faults):
        up = direction == "up"
        self.link = link
        self.source, self.sink = (link.client, link.server) if up else (link.server, link.client)
        self.faults = sorted((f for f in faults if f.direction == direction), key=lambda f: f.at)
        self.passed = 0
        self.pause = 0  # before each byte
        self.loop = asyncio.get_running_loop()

    async def run(self):
        try:
            while data := await self.loop.sock_recv(self.source, CHUNK):
                while data and not self.link.vanished:
                    data = await self.step(bytearray(data))
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.link.end("reset")
        self.link.open -= 1
        if self.link.open == 0:
            self.link.end("cut")

    async def step(self, data):
        """Passes on what comes before the next fault, then lets it strike; returns what is left."""
        before = self.faults[0].at - self.passed if self.faults else len(data)
        await self.send(data[:before])
        data = data[before:]
        if self.faults and self.faults[0].at == self.passed:
            data = await self.strike(self.faults.pop(0), data)
        return data

    async def send(self, data):
        size = 1 if self.pause else CHUNK
        for at in range(0, len(data), size):
            if self.pause:
                await asyncio.sleep(self.pause)
            if self.link.vanished:
                return
            await self.loop.sock_sendall(self.sink, data[at : at + size])
        self.passed += len(data)

    async def strike(self, fault, data):
        kind = fault.kind
        amount = int(fault.amount)
        if kind in ("cut", "reset", "sever"):
            self.link.end(kind)
            await self.hang()
        elif kind == "half":
            self.sink.shutdown(socket.SHUT_WR)
            await self.hang()
        elif kind == "stall":
            await self.hang()
        elif kind == "blackhole":
            self.link.vanished = True
        elif kind == "delay":
            await asyncio.sleep(fault.amount)
        elif kind == "trickle":
            self.pause = fault.amount
        elif kind == "corrupt" and data:
            data[0] ^= 1 << amount % 8
        elif kind == "reorder":
            size = min(amount, len(data) // 2)
            data = data[size : 2 * size] + data[:size] + data[2 * size :]
        elif kind == "insert":
            await self.loop.sock_sendall(self.sink, bytes(b % 251 for b in range(amount)))
        return data

    async def hang(self):
        await asyncio.Future()


def finish(sock, how):
    try:
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side was quicker
    sock.close()


class Route:
    """A listener: where it leads to, and the faults of its connections."""

    def __init__(self, target):
        self.target = target
        self.count = 0
        self.faults_of = lambda number: ()

    async def serve(self, listener, links):
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self.carry(client, self.faults_of(self.count)))
            self.count += 1
            links.add(task)
            task.add_done_callback(links.discard)

    async def carry(self, client, faults):
        loop = asyncio.get_running_loop()
        server = socket.socket()
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, server)
        how, pumps = "cut", []
        try:
            await loop.sock_connect(server, self.target)
            for direction in ("up", "down"):
                pumps.append(loop.create_task(Pump(link, direction, faults).run()))
            how = await self.watch(link, pumps)
        except OSError:
            how = "reset"
        finally:
            # before their sockets: the loop must not wait on a number that others may get
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            finish(client, how)
            finish(server, how)

    async def watch(self, link, pumps):
        how = await link.over
        if how == "sever":
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            finish(link.client, "reset")
            await asyncio.Future()  # until drop(): the server's side stays
        return how


class Proxy:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.links = set()
        self.listeners = []

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def listen(self, address, target):
        """Carries what connects to (host, port) `address` to `target`. Returns the route."""
        listener = socket.create_server(address, backlog=512)
        listener.setblocking(False)
        route = Route(target)

        async def start():
            return self.loop.create_task(route.serve(listener, self.links))

        self.listeners.append((listener, self.wait(start())))
        return route

    def drop(self):
        """Ends every connection, those that hang too."""

        async def end():
            tasks = list(self.links)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.wait(end())

    def close(self):
        async def end():
            for _, task in self.listeners:
                task.cancel()
            await asyncio.gather(*(task for _, task in self.listeners), return_exceptions=True)

        self.wait(end())
        self.drop()
        for listener, _ in self.listeners:
            listener.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def main():
    def address(text):
        host, _, port = text.rpartition(":")
        return host, int(port)

    proxy = Proxy()
    route = proxy.listen(address(sys.argv[1]), address(sys.argv[2]))
    faults = [Fault.parse(text) for text in sys.argv[3:]]
    route.faults_of = lambda number: faults
    print("ready", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        proxy.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main()
