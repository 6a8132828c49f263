"""The road from the loop to the kernel: one convolution, written eight times, each time faster.

    python -m benchmarks.convolution            a table
    python -m benchmarks.convolution --json     one JSON object

The layer is the second of the benchmark's conv net: 64 images of 16 channels and 28 x 28 pixels, 32 kernels of 3 x 3,
stride 2, padding 1; 116 million floating-point operations. Each step is a function from (N, C, H, W) images and
(O, C, kh, kw) weights to (N, O, OH, OW), whose docstring says what changed and why that is faster. The steps are
timed in turns, one thread each, and the fastest round counts; those that would take a minute work on fewer images,
and their time is scaled. PyTorch is measured where it is installed. Memory is what Python and NumPy allocate at most
beside the result; what PyTorch allocates is not seen.
"""

import argparse
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from game2048.benchmark import machine
from nets._jit import kernel
from nets.backends.jit import NumbaOps

Array = npt.NDArray[Any]
Step = Callable[[Array, Array, int, int], Array]

THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
STRIDE: Final = 2
PADDING: Final = 1
N_IMAGES: Final = 64


# --- the steps ---


def pad(x: Array, padding: int) -> Array:
    """Return images with a border of zeros around their last two axes."""
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def seven_loops(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Compute the definition, number by number: z[n, o, i, j] = sum of W[o, c, u, v] x[n, c, i s + u, j s + v].

    Nothing is clever here. Each product pays for an interpreter that looks up six indices and makes two objects.
    """
    x = pad(x, padding)
    n_images, channels, h, w = x.shape
    outputs, _, kh, kw = weight.shape
    z = np.zeros((n_images, outputs, (h - kh) // stride + 1, (w - kw) // stride + 1), x.dtype)
    for n in range(n_images):
        for o in range(outputs):
            for i in range(z.shape[2]):
                for j in range(z.shape[3]):
                    for c in range(channels):
                        for u in range(kh):
                            for v in range(kw):
                                z[n, o, i, j] += weight[o, c, u, v] * x[n, c, i * stride + u, j * stride + v]
    return z


def inner_products(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Replace the three inner loops by one inner product.

    The interpreter now acts once for 144 multiplications; NumPy does them in C. Still one call for each output.
    """
    x = pad(x, padding)
    n_images, _, h, w = x.shape
    outputs, _, kh, kw = weight.shape
    z = np.zeros((n_images, outputs, (h - kh) // stride + 1, (w - kw) // stride + 1), x.dtype)
    for n in range(n_images):
        for o in range(outputs):
            for i in range(z.shape[2]):
                for j in range(z.shape[3]):
                    window = x[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    z[n, o, i, j] = (weight[o] * window).sum()
    return z


def compiled_loops(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Compile the seven loops of the first step, as they are.

    There is no interpreter left. But the innermost sum is over three neighbouring numbers, too short for SIMD, so
    this is one multiplication at a time, and two numbers loaded for each.
    """
    x = pad(x, padding)
    n_images, _, h, w = x.shape
    outputs, _, kh, kw = weight.shape
    z = np.zeros((n_images, outputs, (h - kh) // stride + 1, (w - kw) // stride + 1), x.dtype)
    _seven_loops(x, weight, stride, z)
    return z


@kernel
def _seven_loops(x: Array, weight: Array, stride: int, z: Array) -> None:
    outputs, channels, kh, kw = weight.shape
    for n in range(z.shape[0]):
        for o in range(outputs):
            for i in range(z.shape[2]):
                for j in range(z.shape[3]):
                    total = x.dtype.type(0)
                    for c in range(channels):
                        for u in range(kh):
                            for v in range(kw):
                                total += weight[o, c, u, v] * x[n, c, i * stride + u, j * stride + v]
                    z[n, o, i, j] = total


def ordered_loops(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Put the loop over the outputs innermost, with memory to match: (N, H, W, C) images, (kh, kw, C, O) weights.

    Now one number of the image meets a run of 32 weights and 32 sums: SIMD throughout. But the sums are fetched and
    stored again for each multiplication, where a good product of matrices keeps a whole block of them in registers.
    """
    image = np.pad(x.transpose(0, 2, 3, 1), ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    outputs, _, kh, kw = weight.shape
    shape = (len(x), (image.shape[1] - kh) // stride + 1, (image.shape[2] - kw) // stride + 1, outputs)
    z = np.zeros(shape, x.dtype)
    _ordered_loops(image, np.ascontiguousarray(weight.transpose(2, 3, 1, 0)), stride, z)
    return z.transpose(0, 3, 1, 2)


@kernel
def _ordered_loops(x: Array, weight: Array, stride: int, z: Array) -> None:
    kh, kw, channels, outputs = weight.shape
    for n in range(z.shape[0]):
        for i in range(z.shape[1]):
            for j in range(z.shape[2]):
                sums = z[n, i, j]
                for u in range(kh):
                    for v in range(kw):
                        for c in range(channels):
                            pixel, weights = x[n, i * stride + u, j * stride + v, c], weight[u, v, c]
                            for o in range(outputs):
                                sums[o] += pixel * weights[o]


def columns_and_product(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Copy what the kernel sees at each position into a row of a matrix (im2col), and let BLAS multiply.

    The arithmetic now runs at nearly the speed of the processor. The price is the matrix, 7.2 MB: in (N, C, H, W)
    order it is collected three numbers at a time, from 48 places for each position, and the result has to be
    transposed. Most of the time goes into these copies.
    """
    outputs, _, kh, kw = weight.shape
    windows = np.lib.stride_tricks.sliding_window_view(pad(x, padding), (kh, kw), (2, 3))[:, :, ::stride, ::stride]
    n_images, _, oh, ow = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n_images * oh * ow, -1)
    z = columns @ weight.reshape(outputs, -1).T
    return np.ascontiguousarray(z.reshape(n_images, oh, ow, outputs).transpose(0, 3, 1, 2))


def products_by_tap(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Multiply once for each of the nine places in the kernel, and add: no matrix of columns.

    A copy is now one strided plane of a whole image. But the result, 1.6 MB, is read and written nine times, and
    each product sums over 16 channels only, too few to repay the loads around it.
    """
    x = pad(x, padding)
    n_images, _, h, w = x.shape
    outputs, _, kh, kw = weight.shape
    oh, ow = (h - kh) // stride + 1, (w - kw) // stride + 1
    z = np.zeros((n_images, outputs, oh * ow), x.dtype)
    for u in range(kh):
        for v in range(kw):
            seen = x[:, :, u : u + oh * stride : stride, v : v + ow * stride : stride]
            z += weight[:, :, u, v] @ seen.reshape(n_images, -1, oh * ow)
    return z.reshape(n_images, outputs, oh, ow)


def channels_last(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Return to one product, but keep the channels of a pixel side by side in memory: (N, H, W, C).

    Three neighbours in a line are then one run of 48 numbers, copied at once; and the product has its result in the
    right order already, so nothing is transposed. What is left is to write the columns to memory and read them again.
    """
    outputs, channels, kh, kw = weight.shape
    image = np.pad(x.transpose(0, 2, 3, 1), ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(image, (kh, kw, channels), (1, 2, 3))
    windows = windows[:, ::stride, ::stride, 0]
    n_images, oh, ow = windows.shape[:3]
    columns = windows.reshape(n_images * oh * ow, -1)
    z = columns @ weight.transpose(2, 3, 1, 0).reshape(-1, outputs)
    return z.reshape(n_images, oh, ow, outputs).transpose(0, 3, 1, 2)


ENGINE: Final = NumbaOps()


def engine(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Make the columns for a few images at a time, by a kernel, in memory that stays in the cache.

    The matrix, 7.2 MB, never exists: `nets.backends.jit.convolution` makes 1 MB of it, multiplies, and overwrites it.
    Nothing is padded, and temporary memory is used again instead of being fetched from the system, page by page.
    """
    z, _ = ENGINE.conv2d(x, weight, None, (stride, stride), (padding, padding))
    return z


def pytorch() -> dict[str, Step]:
    """Return PyTorch's convolution in both of its memory layouts; nothing where it is not installed."""
    try:
        torch = import_module("torch")
    except ImportError:
        return {}
    torch.set_num_threads(1)

    def step(x: Array, weight: Array, stride: int, padding: int) -> Array:
        with torch.inference_mode():
            z = torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(weight), None, stride, padding)
        result: Array = z.numpy()
        return result

    return {"PyTorch": step, "PyTorch, channels last": step}


# --- measurement ---

STEPS: Final[dict[str, tuple[Step, int]]] = {
    "seven loops, Python": (seven_loops, 1),
    "inner products, NumPy": (inner_products, 4),
    "seven loops, compiled": (compiled_loops, 64),
    "outputs innermost, compiled": (ordered_loops, 64),
    "im2col and one product": (columns_and_product, 64),
    "a product for each tap": (products_by_tap, 64),
    "im2col, channels last": (channels_last, 64),
    "the engine": (engine, 64),
}
"""Each step, and how many of the 64 images it is given."""

IN_CHANNELS_LAST: Final = {
    "im2col, channels last",
    "channels innermost, compiled",
    "the engine",
    "PyTorch, channels last",
}
"""Steps whose images lie in memory as (N, H, W, C)."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured of one step."""

    name: str
    milliseconds: float
    """For all images; scaled if ``images`` is below that."""
    images: int
    """How many images it was measured with."""
    speedup: float
    """How many times as fast as the first step."""
    gflops: float
    """Billions of multiplications and additions of the definition, a second."""
    temporary_mb: float | None
    """Peak of the memory allocated beside the result; None where it is not seen."""


def inputs(n_images: int = N_IMAGES) -> tuple[Array, Array]:
    """Return images (N, 16, 28, 28) and weights (32, 16, 3, 3), random float32."""
    rng = np.random.default_rng(0)
    return (
        rng.standard_normal((n_images, 16, 28, 28), np.float32),
        rng.standard_normal((32, 16, 3, 3), np.float32) / 12,
    )


def measure(rounds: int = 20, n_images: int = N_IMAGES) -> list[Row]:
    """Time all steps in turns and return a row for each, in order; the slow first two run in two rounds only."""
    x, weight = inputs(n_images)
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    steps = STEPS | {name: (step, N_IMAGES) for name, step in pytorch().items()}
    calls = {}
    for name, (step, at_most) in steps.items():
        images = (last if name in IN_CHANNELS_LAST else x)[:at_most]
        calls[name] = (step, images)
    memory = {name: None if "PyTorch" in name else temporary_mb(*call, weight) for name, call in calls.items()}
    seconds = dict.fromkeys(calls, float("inf"))
    for turn in range(rounds):
        for name, (step, images) in calls.items():
            if turn < 2 or len(images) == n_images:
                begin = time.perf_counter()
                step(images, weight, STRIDE, PADDING)
                seconds[name] = min(seconds[name], time.perf_counter() - begin)
    scaled = {name: t * n_images / len(calls[name][1]) for name, t in seconds.items()}
    slowest = scaled[next(iter(steps))]
    operations = 2 * n_images * 14 * 14 * weight.size
    return [
        Row(
            name=name,
            milliseconds=t * 1e3,
            images=len(calls[name][1]),
            speedup=slowest / t,
            gflops=operations / t / 1e9,
            temporary_mb=memory[name],
        )
        for name, t in scaled.items()
    ]


def temporary_mb(step: Step, x: Array, weight: Array) -> float:
    """Return the peak of the memory that a step allocates beside its result; kernels are compiled before."""
    step(x[:1], weight, STRIDE, PADDING)
    ENGINE.pool.clear()
    tracemalloc.start()
    try:
        z = step(x, weight, STRIDE, PADDING)
        return max(0, tracemalloc.get_traced_memory()[1] - z.nbytes) / 1e6
    finally:
        tracemalloc.stop()


def table(rows: list[Row]) -> Table:
    """Return the rows as a table for the terminal."""
    result = Table(title="Convolution 16 -> 32, 3 x 3, stride 2, 64 images of 28 x 28")
    result.add_column("step", no_wrap=True)
    for heading in ("ms", "faster", "GFLOP/s", "memory, MB"):
        result.add_column(heading, justify="right", no_wrap=True)
    largest = max(row.images for row in rows)
    for row in rows:
        result.add_row(
            row.name,
            f"{row.milliseconds:,.2f}" + (" " if row.images == largest else "*"),
            f"{row.speedup:,.0f} x",
            f"{row.gflops:,.3g}",
            "not seen" if row.temporary_mb is None else f"{row.temporary_mb:,.1f}",
        )
    result.caption = f"* with fewer images, scaled. One thread of {machine()['cpu']}, fastest round."
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()

    if any(os.environ.get(variable) != "1" for variable in THREADS):  # they are read when NumPy is loaded
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.convolution", *sys.argv[1:]])
    rows = measure(arguments.rounds)
    if arguments.json:
        json.dump({"steps": [asdict(row) for row in rows], "machine": machine()}, sys.stdout, indent=2)
        print()
    else:
        Console().print(table(rows))


if __name__ == "__main__":
    main()
