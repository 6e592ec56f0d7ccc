#!/usr/bin/env python3
"""ssh between the network namespaces of support/netns.lua: ssh [-o OPTION]... [-R PORT:HOST:PORT] [USER@]HOST WORD...

The namespace is $SANDBOX_NETNS before HOST, its address is that of the name in 10.77.0.0/24, and the login's PATH begins with the
folder of this program. As with ssh, the words are joined, and a shell there reads them; the tunnel goes over the link to HOST."""

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import threading

HERE, ADDRESSES = "10.77.0.1", {"anna": "10.77.0.2", "bert": "10.77.0.3"}
CLONE_NEWNET = 0x40000000


def start(function, *args):
    threading.Thread(target=function, args=args, daemon=True).start()


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def accept(server, target):
    while True:
        client, _ = server.accept()
        try:
            other = socket.create_connection(target)
        except OSError:
            client.close()
            continue
        for end in (client, other):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start(pump, client, other)
        start(pump, other, client)


def listen(address, target):
    server = socket.create_server(address, backlog=64)
    start(accept, server, target)
    return server.getsockname()


def listen_there(namespace, address, target, done):
    """A thread, and those that it starts, are in a namespace of their own."""
    with open(f"/run/netns/{namespace}", encoding="ascii") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
            os._exit(255)
    listen(address, target)
    done.set()


def main(words):
    tunnel = None
    while words and words[0].startswith("-"):
        option, value = words[:2]
        words = words[2:]
        if option == "-R":
            tunnel = value.split(":")
    host, command = words[0].rpartition("@")[2], " ".join(words[1:])
    if host not in ADDRESSES:
        sys.exit(f"ssh: Could not resolve hostname {host}: Name or service not known")
    try:  # nothing listens, but a host that is there says so
        socket.create_connection((ADDRESSES[host], 22), timeout=8).close()
    except ConnectionRefusedError:
        pass
    except OSError as e:
        sys.exit(f"ssh: connect to host {host} port 22: {os.strerror(e.errno) if e.errno else 'Connection timed out'}")
    namespace = os.environ["SANDBOX_NETNS"] + host
    if tunnel:
        near = listen((HERE, 0), (tunnel[1], int(tunnel[2])))
        done = threading.Event()
        start(listen_there, namespace, ("127.0.0.1", int(tunnel[0])), near, done)
        if not done.wait(30):
            sys.exit("Error: remote port forwarding failed for listen port " + tunnel[0])
    path = os.path.dirname(os.path.abspath(sys.argv[0])) + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    login = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "LANG": os.environ.get("LANG", "C")}
    there = [shutil.which("ip"), "netns", "exec", namespace, "sh", "-c", command]
    sys.exit(subprocess.run(there, env=login, check=False).returncode)


main(sys.argv[1:])
