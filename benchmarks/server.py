"""Measure the web server with wrk: requests a second beside bare Flask, waiting times beside live streams, memory.

    python -m benchmarks.server                    a table
    python -m benchmarks.server --json             one JSON object
    python -m benchmarks.server --game FILE        with a game of yours, in any form that can be uploaded

Both servers run on waitress on one core, wrk on another. A game is asked for again and again, compressed: from ours,
and from a bare Flask application that answers with the same bytes, in turns; what is told is the median of the rounds,
and of their ratios. Requests are counted by the clock, and by the processor time of the server, in which other programs
on the machine count little. Then 32 games are played live by a worker process on the same core, while other things are
asked for as fast as they are answered.
"""

import argparse
import json
import logging
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.request import Request, urlopen

from game2048 import GameRecord

N_STREAMS, PER_CLIENT = 32, 8
PACE = 200  # milliseconds a move
CONNECTIONS = 8
PATHS = {"list": "/api/games", "page": "/", "health": "/api/health"}


# --- the servers ---


def serve_ours(database: str, core: int) -> None:
    """Run our server."""
    from server import ServerConfig, create_app, serve

    os.sched_setaffinity(0, {core})
    config = ServerConfig(database=database, runs=None, rate_limits=False, max_streams=N_STREAMS)
    serve(create_app(config), port=0, on_ready=lambda url: print(url, flush=True))


def serve_bare(body: Path, core: int) -> None:
    """Run an application that does nothing but answer with a file."""
    import waitress
    from flask import Flask, Response

    os.sched_setaffinity(0, {core})
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    data, app = body.read_bytes(), Flask("bare", static_folder=None)

    @app.get("/api/games/<game_id>")
    def game(game_id: str) -> Response:
        return Response(data, content_type="application/json", headers={"Content-Encoding": "gzip"})

    server = waitress.create_server(app, port=0, host="127.0.0.1")
    print(f"http://127.0.0.1:{server.effective_port}/", flush=True)
    server.run()


@contextmanager
def running(kind: str, source: str, core: int) -> Iterator[tuple[str, int]]:
    """Run a server in a process of its own, given its address and the number of the process."""
    command = [sys.executable, "-m", "benchmarks.server", "--serve", kind, source, str(core)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip().rstrip("/"), process.pid
        finally:
            process.terminate()


# --- measuring ---


def wrk(url: str, seconds: int, core: int, connections: int = CONNECTIONS) -> dict[str, float]:
    """Ask for a URL as fast as it is answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", "Accept-Encoding: gzip", url]
    told = subprocess.run(
        command, check=True, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    ).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"{url} was not answered:\n{told}")
    return {
        "requests": int(re.search(r"(\d+) requests in", told)[1]),  # type: ignore[index]
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1]),  # type: ignore[index]
        "p99_ms": milliseconds(re.search(r"99%\s+([\d.]+\w+)", told)[1]),  # type: ignore[index]
    }


def milliseconds(text: str) -> float:
    """Read a time as wrk writes it.

    >>> milliseconds("850.00us"), milliseconds("1.20ms"), milliseconds("2s")
    (0.85, 1.2, 2000.0)
    """
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def memory(pid: int) -> float:
    """Return the memory of a process and its children, MiB: what they share counts once."""
    children = [child for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]
    rollups = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in (pid, *children)]
    return sum(int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1]) for rollup in rollups) / 1024  # type: ignore[index]


@contextmanager
def listening(url: str) -> Iterator[dict[str, Any]]:
    """Hold live streams, as several clients, and count what comes."""
    host, port = url.rpartition("/")[2].split(":")
    told: dict[str, Any] = {"events": 0, "lost": 0}
    stopped, selector = Event(), selectors.DefaultSelector()

    def listen() -> None:
        while not stopped.is_set():
            for key, _ in selector.select(timeout=0.1):
                part = key.fileobj.recv(65536)  # type: ignore[union-attr]
                told["events"] += part.count(b"event: moves\n")
                if not part or b"event: problem" in part:
                    told["lost"] += 1
                    selector.unregister(key.fileobj)

    with ExitStack() as stack:
        for number in range(N_STREAMS):
            address = f"127.0.0.{1 + number // PER_CLIENT}"
            connection = stack.enter_context(socket.create_connection((host, int(port)), source_address=(address, 0)))
            query = f"player=greedy&seed={number}&pace={PACE}&moves=100000"
            connection.sendall(f"GET /api/live?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            selector.register(connection, selectors.EVENT_READ)
        thread = Thread(target=listen)
        thread.start()
        try:
            yield told
        finally:
            stopped.set()
            thread.join()


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has taken, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_cached(servers: dict[str, tuple[str, int]], path: str, rounds: int, seconds: int) -> dict[str, Any]:
    """Ask all servers for the game, in turns."""
    by_clock: dict[str, list[float]] = {name: [] for name in servers}
    by_processor: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds + 1):
        for name in sorted(servers, reverse=bool(number % 2)):
            url, pid = servers[name]
            before = processor_seconds(pid)
            result = wrk(url + path, seconds, core=1)
            if number:  # the first one warms up
                by_clock[name].append(result["per_second"])
                by_processor[name].append(result["requests"] / (processor_seconds(pid) - before))
    return {"by_clock": compared(by_clock), "by_processor_time": compared(by_processor)}


def compared(rates: dict[str, list[float]]) -> dict[str, Any]:
    """Return medians of rates, and of the ratio of those measured in turns."""
    ratios = [ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True)]
    return {
        "ours_per_second": round(statistics.median(rates["ours"])),
        "bare_per_second": round(statistics.median(rates["bare"])),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def measure_streams(url: str, pid: int, path: str, seconds: int) -> dict[str, Any]:
    """Ask for other things while games are played live."""
    with listening(url) as told:
        deadline = time.monotonic() + 60
        while told["events"] < 4 * N_STREAMS and time.monotonic() < deadline:
            time.sleep(0.1)
        begun, first = time.monotonic(), told["events"]
        results = {
            name: wrk(url + place, seconds, core=1, connections=4) for name, place in (PATHS | {"game": path}).items()
        }
        per_second = (told["events"] - first) / (time.monotonic() - begun)
        return {
            "streams": N_STREAMS,
            "lost": told["lost"],
            "moves_per_second": round(per_second, 1),
            "p99_ms": {name: round(result["p99_ms"], 1) for name, result in results.items()},
            "memory_mib": round(memory(pid), 1),
        }


def measure(game: Path | None, rounds: int, seconds: int) -> dict[str, Any]:
    """Return all figures."""
    from game2048.benchmark import machine

    with tempfile.TemporaryDirectory() as folder:
        database, body = f"sqlite:///{folder}/games.sqlite", Path(folder) / "body"
        record = fill(database, game)
        path = f"/api/games/{record.id}"
        with running("ours", database, 0) as (ours, pid):
            with urlopen(Request(ours + path, headers={"Accept-Encoding": "gzip"})) as answer:
                body.write_bytes(answer.read())
            with running("bare", str(body), 0) as bare:
                cached = measure_cached({"ours": (ours, pid), "bare": bare}, path, rounds, seconds)
            after = memory(pid)
            streams = measure_streams(ours, pid, path, seconds)
        n_bytes = body.stat().st_size
    return {
        "game": {"plies": record.n_moves, "bytes": n_bytes},
        "cached": cached | {"memory_mib": round(after, 1)},
        "streams": streams,
        "rounds": rounds,
        "load": os.getloadavg()[0],
        "machine": machine(),
    }


def fill(database: str, game: Path | None) -> GameRecord:
    """Put a game into a new database, and fifty others; return it."""
    from game2048.formats import parse_game
    from server import GameStore
    from tests.game2048.games import greedy, record_game

    record = parse_game(game.read_bytes()) if game else record_game(seed=7, policy=greedy)
    with GameStore(database) as store:
        store.add_many([record, *(record_game(seed=seed) for seed in range(50))])
    return record


def table(results: dict[str, Any]) -> str:
    """Return the results as text."""
    cached, streams, game, where = (results[name] for name in ("cached", "streams", "game", "machine"))
    waits = ", ".join(f"{name} {p99:g}" for name, p99 in streams["p99_ms"].items())
    rows = {"by the clock": cached["by_clock"], "by processor time": cached["by_processor_time"]}
    return "\n".join(
        [
            f"a game of {game['plies']} plies, {game['bytes']} bytes compressed, requests a second",
            f"  {'':20}{'ours':>6}{'bare':>6}  ratio (rounds)",
            *(
                f"  {title:20}{row['ours_per_second']:6}{row['bare_per_second']:6}  {row['ratio']:.2f}"
                f"  ({', '.join(f'{ratio:.2f}' for ratio in row['ratios'])})"
                for title, row in rows.items()
            ),
            f"  memory of ours {cached['memory_mib']:.0f} MiB",
            f"{streams['streams']} live streams, {streams['moves_per_second']:g} moves/s, {streams['lost']} lost",
            f"  99 % of other requests within ms: {waits}",
            f"  memory {streams['memory_mib']:.0f} MiB, the worker process included",
            f"servers on one core of {where['cpu']}, wrk on another; load {results['load']:.1f}",
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--game", type=Path, help="file with a game")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of every measurement")
    parser.add_argument("--serve", nargs=3, metavar=("KIND", "SOURCE", "CORE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        kind, source, core = arguments.serve
        serve_ours(source, int(core)) if kind == "ours" else serve_bare(Path(source), int(core))
        return
    if shutil.which("wrk") is None:
        parser.error("wrk is not installed (apt-get install wrk)")
    results = measure(arguments.game, arguments.rounds, arguments.seconds)
    print(json.dumps(results, indent=2) if arguments.json else table(results))


if __name__ == "__main__":
    main()
