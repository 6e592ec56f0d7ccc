"""tests/bench/peer.py WHAT N [ARGUMENTS]: the work of work.lua by Python's multiprocessing; prints one number."""
import multiprocessing as mp
import re
import sys
import time

now = time.monotonic


def nothing():
    pass


def spawn(n):
    start = now()
    for _ in range(n):
        p = mp.Process(target=nothing)
        p.start()
        p.join()
    return (now() - start) / n * 1e6


def write(q, ready, n, item, before):
    for _ in range(before):
        q.put(item)
    ready.wait()
    for i in range(n):
        q.put(i if item is None else item)


def read(q, ready, n, before):
    for _ in range(before):
        q.get()
    ready.wait()
    for _ in range(n):
        q.get()


def through_queue(q, writers, readers, n, item=None, before=0):
    ready = mp.Barrier(writers + readers + 1)
    list = [mp.Process(target=write, args=(q, ready, n // writers, item, before)) for _ in range(writers)]
    list += [mp.Process(target=read, args=(q, ready, n // readers, before)) for _ in range(readers)]
    for p in list:
        p.start()
    ready.wait()
    start = now()
    for p in list:
        p.join()
    return now() - start


def integers(n, writers, readers):
    return n / through_queue(mp.Queue(), int(writers), int(readers), n) / 1e6


def tables(n):
    item = {"id": 4711, "name": "widget", "price": 9.5, "sold": True, "place": {"x": 3, "y": 4}}
    return n / through_queue(mp.Queue(), 1, 1, n, item) / 1e6


def strings(n, bytes):
    return n * int(bytes) / through_queue(mp.Queue(8), 1, 1, n, b"x" * int(bytes), 24) / 1e9


def echo(there, back, n):
    for _ in range(n):
        back.put(there.get())


def roundtrip(n):
    there, back = mp.Queue(), mp.Queue()
    p = mp.Process(target=echo, args=(there, back, n + 1))
    p.start()
    there.put(0)
    back.get()
    start = now()
    for i in range(n):
        there.put(i)
        back.get()
    seconds = now() - start
    p.join()
    return seconds / n * 1e6


def wait_at(here, gate):
    here.release()
    gate.wait()


def alive(n):
    here, gate = mp.Semaphore(0), mp.Event()
    start = now()
    list = [mp.Process(target=wait_at, args=(here, gate)) for _ in range(n)]
    for p in list:
        p.start()
    for _ in range(n):
        here.acquire()
    gate.set()
    for p in list:
        p.join()
    return (now() - start) / n * 1e6


def idle(here):
    here.set()
    time.sleep(3600)


def memory(_):
    here = mp.Event()
    p = mp.Process(target=idle, args=(here,))
    p.start()
    here.wait()
    time.sleep(0.05)
    with open("/proc/%d/smaps_rollup" % p.pid) as f:
        kilobytes = sum(int(k) for k in re.findall(r"^Private_[CD]\w+:\s*(\d+) kB", f.read(), re.M))
    p.kill()
    return kilobytes / 1024


def lock(n):
    one = mp.Lock()
    start = now()
    for _ in range(n):
        one.acquire()
        one.release()
    return (now() - start) / n * 1e6


def square(x):
    return x * x


def map(n, chunk=None):
    times = []
    with mp.Pool(2) as pool:
        list = range(1, n + 1)
        for _ in range(30):
            start = now()
            squares = pool.map(square, list, chunk and int(chunk))
            times.append(now() - start)
    assert squares[-1] == n * n
    return sorted(times)[14] * 1e3


if __name__ == "__main__":
    mp.set_start_method("fork")
    print("%.6g" % globals()[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:]))
