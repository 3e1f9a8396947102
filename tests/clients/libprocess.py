# SPDX-License-Identifier: Apache-2.0
"""An actor that speaks libprocess over raw sockets: every message is a POST, answers come to the actor's own address.

Like libprocess itself it keeps one outgoing connection to each peer, throws away what comes back on it, and takes the
messages of others on its listening socket, each answered by 202.
"""

import queue
import socket
import threading
import time

from messages import SCHEMAS, decode, encode, full_name


class Actor:
    def __init__(self, name, ip="127.0.0.1", port=0):
        self.listener = socket.create_server((ip, port))
        self.ip, self.port = self.listener.getsockname()
        self.pid = f"{name}@{self.ip}:{self.port}"
        self.name = name
        self.received = queue.Queue()
        self.links, self.inbound = {}, []
        self.exited = queue.Queue()
        self.waiting = []
        threading.Thread(target=self.accept, daemon=True).start()

    def send(self, to, name, message=None):
        """Sends a message to a pid, over a connection that stays."""
        actor, _, address = to.partition("@")
        body = encode(name, message or {})
        head = f"POST /{actor}/{full_name(name)} HTTP/1.1\r\nUser-Agent: libprocess/{self.pid}\r\n"
        head += f"Libprocess-From: {self.pid}\r\nConnection: Keep-Alive\r\nHost: {address}\r\n"
        if body:
            frame = f"Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        else:
            frame = b"\r\n"
        self.link(address).sendall(head.encode() + frame)

    def link(self, address):
        if address not in self.links:
            ip, _, port = address.partition(":")
            link = socket.create_connection((ip, int(port)), timeout=30)
            link.settimeout(None)
            self.links[address] = link
            threading.Thread(target=self.drain, args=(address, link), daemon=True).start()
        return self.links[address]

    def drain(self, address, link):
        """Reads the replies away; the end of the connection is the end of the peer."""
        try:
            while link.recv(65536):
                pass
        except OSError:
            pass
        if self.links.get(address) is link:
            del self.links[address]
        self.exited.put(address)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.inbound.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while line := stream.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers = {}
                while (line := stream.readline()).strip():
                    key, _, value = line.decode().partition(":")
                    headers[key.strip().lower()] = value.strip()
                body = self.read_body(stream, headers)
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
                actor, _, name = path.lstrip("/").partition("/")
                if method == "POST" and actor == self.name:
                    self.take(headers["libprocess-from"], name, body)
        except (OSError, ValueError):
            pass

    @staticmethod
    def read_body(stream, headers):
        if headers.get("transfer-encoding") != "chunked":
            return stream.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
        return body

    def take(self, sender, name, body):
        short = name.removeprefix("mesos.internal.")
        known = short in SCHEMAS
        self.received.put((sender, short, decode(short, body) if known else body))

    def expect(self, name, seconds=20, where=lambda message: True):
        """The next message of this name for which `where` holds; others wait their turn."""
        end = time.monotonic() + seconds
        while True:
            for index, (sender, own, message) in enumerate(self.waiting):
                if own == name and where(message):
                    del self.waiting[index]
                    message["from"] = sender
                    return message
            try:
                self.waiting.append(self.received.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                names = [entry[1] for entry in self.waiting]
                raise AssertionError(f"{self.pid}: no {name} within {seconds} s; waiting: {names}") from None

    def expect_none(self, name, seconds, where=lambda message: True):
        try:
            message = self.expect(name, seconds, where)
        except AssertionError:
            return
        raise AssertionError(f"{self.pid}: an unexpected {name}: {message}")

    def forget(self, *names):
        """Drops what has come of these names so far."""
        while not self.received.empty():
            self.waiting.append(self.received.get())
        self.waiting = [entry for entry in self.waiting if entry[1] not in names]

    def expect_exit(self, address, seconds=20):
        """The connection to this address ends."""
        end = time.monotonic() + seconds
        while self.exited.get(timeout=max(0.01, end - time.monotonic())) != address:
            pass

    def close(self):
        """Ends as a process does: every socket of it is gone."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in [*self.links.values(), *self.inbound]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
