"""What operators write today: servers benchmarked from a thread pool, logged with structlog.

The counterpart of `muster run --simulate=servers=N,delay=0`: the same work and the same log lines,
without a store. Usage: tutorial.py SERVERS FANOUT LOG-FILE
"""

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import structlog

THRESHOLD = 50


class Session:
    """One connection, shared by a server's benchmarks; simulated, it costs nothing."""

    def __init__(self, server):
        self.server = server
        self.random = random.Random(server)

    def score(self, _benchmark):
        return self.random.randint(0, 100)


def benchmark_server(server):
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(server=server)
    log = structlog.get_logger()
    session = Session(server)
    log.info("connected", address="simulated", seconds=0.0)
    worst = 100
    for benchmark in ("cpu", "gpu"):
        score = session.score(benchmark)
        log.info("benchmark completed", benchmark=benchmark, seconds=0.0, score=score)
        worst = min(worst, score)
    if worst < THRESHOLD:
        log.error("server failed", verdict="failed", reason="below-threshold", score=worst)
        return False
    log.info("server passed", verdict="passed")
    return True


def main():
    count, fanout, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with open(path, "w", encoding="utf-8") as out:
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
                structlog.dev.ConsoleRenderer(colors=False),
            ],
            logger_factory=structlog.PrintLoggerFactory(out),
            cache_logger_on_first_use=True,
        )
        log = structlog.get_logger()
        servers = [str(n + 1) for n in range(count)]
        log.info("servers to benchmark", servers=servers)
        failed = []
        with ThreadPoolExecutor(max_workers=fanout) as pool:
            futures = {pool.submit(benchmark_server, s): s for s in servers}
            for future in as_completed(futures):
                try:
                    if not future.result():
                        failed.append(futures[future])
                except Exception:  # an unexpected error of one server fails that server only
                    log.exception("unexpected error")
                    failed.append(futures[future])
        log.info(f"Out of {count}, {len(failed)} servers failed.", failed_servers=failed)
    print(f"Out of {count}, {len(failed)} servers failed.", threading.active_count())


if __name__ == "__main__":
    main()
