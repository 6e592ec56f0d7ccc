"""tests/bench/peers/peer.py WHAT: the work of peers.lua by Python's multiprocessing; see there. What has a figure is in ../peer.py."""
import multiprocessing as mp
import os
import signal
import sys
import time


def take(get, put):
    get.get()
    put.put(1)


def crossed():
    a, b = mp.Queue(), mp.Queue()
    list = [mp.Process(target=take, args=(a, b)), mp.Process(target=take, args=(b, a))]
    for p in list:
        p.start()
    return list


def tick():
    while True:
        time.sleep(0.05)


def die_with(lock):
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def spend(balance, n):
    if balance.value >= n:
        with balance.get_lock():
            balance.value -= n


if sys.argv[1] == "all":
    for p in crossed():
        p.join()
elif sys.argv[1] == "some":
    mp.Process(target=tick, daemon=True).start()
    for p in crossed():
        p.join()
elif sys.argv[1] == "killed":
    lock = mp.Lock()
    p = mp.Process(target=die_with, args=(lock,))
    p.start()
    p.join()
    lock.acquire()
elif sys.argv[1] == "race":
    balance = mp.Value("i", 100)
    list = [mp.Process(target=spend, args=(balance, 80)) for _ in range(2)]
    for p in list:
        p.start()
    for p in list:
        p.join()
    if balance.value < 0:
        print("overdrawn")
        sys.exit(1)
