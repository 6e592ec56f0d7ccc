"""tests/bench/peer.py WHAT: the same work by Python's multiprocessing; prints one number."""
import multiprocessing as mp
import sys
import time

mp.set_start_method("fork")


def nothing():
    pass


def spawn(n=200):
    start = time.monotonic()
    for _ in range(n):
        p = mp.Process(target=nothing)
        p.start()
        p.join()
    return (time.monotonic() - start) / n * 1e6


def produce(q, n):
    for i in range(n):
        q.put(i)


def integers(n=60000):
    q = mp.Queue()
    start = time.monotonic()
    p = mp.Process(target=produce, args=(q, n))
    p.start()
    for i in range(n):
        assert q.get() == i
    seconds = time.monotonic() - start
    p.join()
    return n / seconds / 1e6


def echo(there, back, n):
    for _ in range(n):
        back.put(there.get())


def roundtrip(n=5000):
    there, back = mp.Queue(), mp.Queue()
    p = mp.Process(target=echo, args=(there, back, n))
    p.start()
    there.put(0), back.get()
    start = time.monotonic()
    for i in range(n - 1):
        there.put(i)
        back.get()
    seconds = time.monotonic() - start
    p.join()
    return seconds / (n - 1) * 1e6


print("%.3f" % {"spawn": spawn, "integers": integers, "roundtrip": roundtrip}[sys.argv[1]]())
