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

A route can also be struck as a whole, at any time (by hand: a line on standard input, which is printed
when it is done):

    cut         its connections are closed, in order
    freeze      nothing passes any more, in either direction, and new connections get no answer: a network
                that is down. It goes on with `thaw`, as TCP does, with all that was sent meanwhile
    forget      its connections vanish, new ones are carried: a firewall that was started anew
    refuse      connections are refused until `accept`; those there are stay
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
STRIKES = ("cut", "freeze", "thaw", "forget", "refuse", "accept")
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
        self.flows = asyncio.Event()  # what is there to pass on is passed on
        self.flows.set()
        self.forgotten = False  # nothing ever flows again
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
                await self.link.flows.wait()
                while data and not self.link.vanished:
                    data = await self.step(bytearray(data))
            await self.link.flows.wait()
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            await self.link.flows.wait()
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
    """A listener: where it leads to, the faults of its connections, and what strikes it as a whole.

    Its methods belong to the proxy's loop; Proxy.strike() calls them from elsewhere."""

    def __init__(self, address, target):
        self.address, self.target = address, target
        self.count = 0
        self.faults_of = lambda number: ()
        self.links = {}  # Link: the task that carries it
        self.frozen = False
        self.listener = self.serving = None

    async def accept(self):
        if not self.serving:
            self.listener = socket.create_server(self.address, backlog=512)
            self.listener.setblocking(False)
            self.serving = asyncio.get_running_loop().create_task(self.serve())

    async def refuse(self):
        if self.serving:
            self.serving.cancel()
            await asyncio.gather(self.serving, return_exceptions=True)
            self.listener.close()
            self.serving = None

    async def cut(self):
        for link in self.links:
            link.end("cut")

    async def freeze(self):
        self.frozen = True
        for link in self.links:
            link.flows.clear()

    async def thaw(self):
        self.frozen = False
        for link in self.links:
            if not link.forgotten:
                link.flows.set()

    async def forget(self):
        for link in self.links:
            link.forgotten = True
            link.flows.clear()

    async def drop(self):
        tasks = list(self.links.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self):
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self.listener)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(client, socket.socket())
            if self.frozen:
                link.flows.clear()
            task = loop.create_task(self.carry(link, self.faults_of(self.count)))
            self.count += 1
            self.links[link] = task
            task.add_done_callback(lambda _, link=link: self.links.pop(link))

    async def carry(self, link, faults):
        loop = asyncio.get_running_loop()
        client, server = link.client, link.server
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        how, pumps = "cut", []
        try:
            await link.flows.wait()
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
        self.routes = []

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def listen(self, address, target):
        """Carries what connects to (host, port) `address` to `target`. Returns the route."""
        route = Route(address, target)
        self.wait(route.accept())
        self.routes.append(route)
        return route

    def strike(self, route, how):
        """What strikes a route as a whole, by its name."""
        self.wait(getattr(route, how)())

    def drop(self):
        """Ends every connection, those that hang too."""
        for route in self.routes:
            self.strike(route, "drop")

    def close(self):
        for route in self.routes:
            self.strike(route, "refuse")
        self.drop()
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
        for line in sys.stdin:
            how = line.strip()
            if how not in STRIKES:
                sys.exit(f"a route is struck by one of {', '.join(STRIKES)}")
            proxy.strike(route, how)
            print(how, flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        proxy.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main()
