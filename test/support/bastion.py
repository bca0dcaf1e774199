#!/usr/bin/python3
"""A jump host that has room for so many channels in each connection: bastion.py PORT KEY LOG ROOM

It answers one channel more with `resource shortage` (RFC 4254, 5.1), which OpenSSH never does. KEY is
the file of its host key. Whoever has a key may log in; each connection that asks for a channel is a
line with `Accepted` in LOG. A channel's end in either direction is the end of both; what it took is
free again before its far side hears of that. It runs in the system's own Python, of which paramiko is a
package.
"""

import socket
import sys
import threading

import paramiko


class Connection(paramiko.ServerInterface):
    def __init__(self, log, room):
        self.log = log
        self.room = threading.Semaphore(room)
        self.peers = {}
        self.known = False

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_direct_tcpip_request(self, number, origin, destination):
        if not self.known:
            self.known = True
            with open(self.log, "a") as f:
                f.write("Accepted\n")
        if not self.room.acquire(blocking=False):
            return paramiko.OPEN_FAILED_RESOURCE_SHORTAGE
        try:
            self.peers[number] = socket.create_connection(destination, 5)
        except OSError:
            self.room.release()
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        self.peers[number].settimeout(None)
        return paramiko.OPEN_SUCCEEDED

    def carry(self, channel):
        peer = self.peers.pop(channel.get_id())
        first = threading.Lock()

        def pump(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                pass
            if first.acquire(blocking=False):  # and never released
                self.room.release()
                channel.close()
                peer.shutdown(socket.SHUT_RDWR)

        for ends in ((channel, peer), (peer, channel)):
            threading.Thread(target=pump, args=ends, daemon=True).start()


def serve(client, key, log, room):
    connection = Connection(log, room)
    transport = paramiko.Transport(client)
    transport.add_server_key(key)
    try:
        transport.start_server(server=connection)
        while transport.is_active():
            if channel := transport.accept(1):
                connection.carry(channel)
    except (paramiko.SSHException, EOFError):
        pass  # nobody logged in
    finally:
        transport.close()


def main():
    port, key, log, room = int(sys.argv[1]), paramiko.Ed25519Key(filename=sys.argv[2]), *sys.argv[3:]
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, key, log, int(room)), daemon=True).start()


main()
