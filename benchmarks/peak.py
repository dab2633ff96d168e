"""What this machine can compute: matrix products of 2048 squared and a 3x3 convolution, in fp32 and bf16.

    python benchmarks/peak.py [--device cpu] [--threads N]

Prints one line for each, in GFLOP/s: the best of several, since a disturbed one tells of the neighbour.
The minutes of benchmarks/README.md scale with `matmul fp32` and `conv3x3 fp32`.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

SIDE = 2048
IMAGES, CHANNELS, PIXELS = 64, 128, 16  # about the middle of the small convnet
SECONDS = 3.0  # of repetitions for each line
MOST_REPETITIONS = 30


def best_seconds(work: Callable[[], object], device: torch.device) -> float:
    """The shortest of several repetitions, after one that does not count unless it is slow already."""
    times: list[float] = []
    while len(times) < 2 or (sum(times) < SECONDS and len(times) < MOST_REPETITIONS):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
        if times[0] > SECONDS:  # emulated: one repetition tells enough
            return times[0]
    return min(times[1:])


def matmul(dtype: torch.dtype, device: torch.device) -> float:
    """GFLOP/s of a square matrix product."""
    a, b = (torch.randn(SIDE, SIDE, device=device).to(dtype) for _ in range(2))
    with torch.no_grad():
        seconds = best_seconds(lambda: a @ b, device)
    return 2 * SIDE**3 / seconds / 1e9


def convolution(dtype: torch.dtype, device: torch.device) -> float:
    """GFLOP/s of a 3x3 convolution, forward and both gradients, channels-last."""
    shape = (IMAGES, CHANNELS, PIXELS, PIXELS)
    layer = torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
    layer = layer.to(device, dtype).to(memory_format=torch.channels_last)
    inputs, upstream = (
        torch.randn(shape, device=device).to(dtype).to(memory_format=torch.channels_last) for _ in range(2)
    )
    inputs.requires_grad_()

    def step() -> None:
        layer.weight.grad = inputs.grad = None
        layer(inputs).backward(upstream)

    products = IMAGES * PIXELS**2 * CHANNELS**2 * 9
    return 3 * 2 * products / best_seconds(step, device) / 1e9


def machine(device: torch.device) -> str:
    """The name of what computes, as far as the system tells it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    threads = arguments.threads
    print(f"machine {machine(device)}, device {device}, threads {threads}, torch {torch.__version__}")
    for what, measure in (("matmul", matmul), ("conv3x3", convolution)):
        for label, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            print(f"{what} {label} {measure(dtype, device):.1f} GFLOP/s", flush=True)


if __name__ == "__main__":
    main()
