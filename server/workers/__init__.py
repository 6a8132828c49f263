"""Heavy work in processes of its own: a bounded number, at low priority, each job with a time limit.

`WorkerPool` starts the processes and hands out jobs; `server.workers.process` is what they run. A job is the name of a
task (`server.workers.tasks`) and its arguments; both ways go MessagePack frames through pipes, never objects.
"""

from server.workers.pool import WorkerPool

__all__ = ["WorkerPool"]
