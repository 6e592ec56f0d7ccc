#!/usr/bin/env python3
"""proxy.py LISTEN TARGET EVERY: pass bytes on between unix sockets, and cut each connection at random, on average after EVERY
bytes in one direction. What was sent by then may have arrived, or only a part of it.

proxy.py LISTEN TARGET 0 WORD...: for each of the words cut one connection, the first over which it is sent, when it has been
answered, instead of the answer; its file LISTEN.cut lists them."""
import os
import random
import selectors
import socket
import sys

listen, target, every = sys.argv[1], sys.argv[2], int(sys.argv[3])
words = [word.encode() for word in sys.argv[4:]]
random.seed(int(os.environ.get("PROXY_SEED", "1")))
server = socket.socket(socket.AF_UNIX)
server.bind(listen + ".new")
server.listen(64)
os.rename(listen + ".new", listen)  # who sees it can connect
ready = selectors.DefaultSelector()
ready.register(server, selectors.EVENT_READ)
other, left, doomed = {}, {}, {}


def close(end):
    for s in (end, other.get(end)):
        if s in other:
            ready.unregister(s)
            del other[s]
            left.pop(s, None)
            doomed.pop(s, None)
            s.close()


while True:
    for key, _ in ready.select():
        end = key.fileobj
        if end is server:
            client, _ = server.accept()
            there = socket.socket(socket.AF_UNIX)
            try:
                there.connect(target)
            except OSError:
                client.close()
                continue
            for a, b in ((client, there), (there, client)):
                other[a], left[a] = b, int(random.expovariate(1 / every)) + 2000 if every else sys.maxsize
                ready.register(a, selectors.EVENT_READ)
            continue
        if end not in other:
            continue
        try:
            data = end.recv(65536)
            if not data:
                close(end)
                continue
            if end in doomed:
                with open(listen + ".cut", "a") as f:
                    f.write(doomed[end].decode() + "\n")
                close(end)
                continue
            for word in [w for w in words if w in data]:
                words.remove(word)
                doomed[other[end]] = word
            part = data[:left[end]]
            if part:
                other[end].sendall(part)
            left[end] -= len(data)
            if left[end] <= 0:
                close(end)
        except OSError:
            close(end)
