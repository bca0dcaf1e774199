"""exec: Python's ThreadPoolExecutor; see exec_common.h."""

import concurrent.futures
import resource
import sys
import time


def empty():
    pass


def burst(pool, jobs):
    futures = [pool.submit(empty) for _ in range(jobs)]
    for future in concurrent.futures.as_completed(futures):
        future.result()


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


threads, jobs = int(sys.argv[1]), int(sys.argv[2])
with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    burst(pool, jobs)
    clock0, processor0 = time.monotonic(), processor()
    burst(pool, jobs)
    clock, used = time.monotonic() - clock0, processor() - processor0
print(f"{jobs / clock:.0f} {used * 1e6 / jobs:.4f}")
