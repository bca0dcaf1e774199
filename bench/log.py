"""The same lines as log.c's, by structlog's console renderer: python3 log.py THREADS LINES FILE."""
import sys
import threading
import time

import structlog

threads, lines, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(colors=False, sort_keys=False),
    ],
    logger_factory=structlog.WriteLoggerFactory(file=open(path, "w")),
    cache_logger_on_first_use=True,
)
log = structlog.get_logger()
spent = []


def log_lines(count):
    structlog.contextvars.bind_contextvars(server="web03")
    start = time.perf_counter_ns()
    for i in range(count):
        log.info("benchmark completed", benchmark="cpu", seconds=i % 1000 / 100, score=i % 100)
    spent.append(time.perf_counter_ns() - start)


processor, start = time.process_time_ns(), time.perf_counter_ns()
workers = [threading.Thread(target=log_lines, args=(lines // threads,)) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
elapsed, processor = time.perf_counter_ns() - start, time.process_time_ns() - processor
n = lines // threads * threads
print(f"{sum(spent) / n:.0f} {elapsed / n:.0f} {processor / n:.0f}")
