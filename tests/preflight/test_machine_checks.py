"""Checks of memory, disk, speed and time: quiet on a healthy job, loud on the fault."""

from __future__ import annotations

import dataclasses
import os
import resource
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest
import torch
from preflight_jobs import bench_of, run_check

from firstlight.data.images.batches import Batches
from firstlight.preflight.checks import device, disk, finish_time, loader_speed, memory, setup_warnings
from firstlight.preflight.timing import Timing

GIB = 2**30


def timed(job, *, training_seconds=600.0, **measured):
    """A bench that has measured already, what is given and else nothing remarkable."""
    usual = {"step_seconds": 0.01, "batch_seconds": 0.0001, "validation_seconds": 0.05, "steps": 10}
    usual |= {"checkpoint_bytes": 2**20, "parameters": 100_000, "peak_bytes": 2**28}
    bench = bench_of(job, training_seconds=training_seconds)
    bench.timings.append(Timing(**(usual | measured)))
    return bench


def test_timing_counts_the_real_checkpoint_and_parameters(job):
    timing = bench_of(job).timing()
    model = job.make_model()
    assert timing.parameters == sum(p.numel() for p in model.parameters())
    # AdamW keeps two numbers for each trainable one.
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert timing.checkpoint_bytes > 4 * (timing.parameters + 2 * trainable)
    assert 0 < timing.batch_seconds < timing.step_seconds


def test_a_small_job_fits_into_memory(job):
    finding = run_check(memory.CHECK, job)
    assert finding.level == "ok"
    assert finding.value > 10 * 2**20


def test_a_job_that_does_not_fit_into_memory_fails_for_memory(job, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    finding = run_check(memory.CHECK, job)
    assert (finding.level, finding.fault) == ("failed", "resource")  # more parts of a batch would not mend it
    assert "training.batch_size: 32 -> 16" in finding.remedy


def test_a_step_that_does_not_fit_fails_for_memory_so_that_more_parts_are_tried(job):
    bench = timed(job, checkpoint_bytes=1, peak_bytes=2**60)
    finding = memory.CHECK.run(bench)
    assert (finding.level, finding.fault) == ("failed", "memory")


def test_an_address_space_limit_counts_as_less_free_memory():
    program = (
        "import resource, psutil\n"
        "from firstlight.preflight.checks.memory import free_memory\n"
        "used = psutil.Process().memory_info().vms\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 50 * 2**20, resource.RLIM_INFINITY))\n"
        "print(free_memory() <= 50 * 2**20)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_disk_with_room_is_ok(job):
    finding = disk.CHECK.run(timed(job, checkpoint_bytes=1))
    assert finding.level == "ok"
    assert finding.value > 0


@pytest.mark.requirement("F01")
def test_a_disk_without_room_for_three_checkpoints_fails_with_needed_and_free_bytes(job, monkeypatch):
    real = os.statvfs(job.folder.root)
    small = SimpleNamespace(
        f_bavail=100 * 2**20 // real.f_frsize, f_frsize=real.f_frsize, f_files=0, f_favail=0
    )
    monkeypatch.setattr(os, "statvfs", lambda path: small)
    assert disk.CHECK.run(timed(job, checkpoint_bytes=5 * 2**20)).level == "ok"
    finding = disk.CHECK.run(timed(job, checkpoint_bytes=50 * 2**20))
    assert (finding.level, finding.fault) == ("failed", "resource")
    assert "214.0 MiB needed" in finding.message
    assert "100.0 MiB free" in finding.message
    warned = disk.CHECK.run(timed(job, checkpoint_bytes=11 * 2**20))
    assert (warned.level, "4 periodic checkpoints" in warned.message) == ("warning", True)


@pytest.mark.requirement("F03")
def test_a_file_size_limit_below_a_checkpoint_fails_and_is_called_so(job):
    bench = timed(job, checkpoint_bytes=3 * 2**20)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        finding = disk.CHECK.run(bench)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (finding.level, finding.fault) == ("failed", "resource")
    assert "file-size limit of this process is 1.0 MiB" in finding.message


def test_a_file_system_without_inodes_fails(job, monkeypatch):
    full = SimpleNamespace(f_bavail=GIB, f_frsize=1, f_files=1000, f_favail=3)
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    finding = disk.CHECK.run(timed(job, checkpoint_bytes=1))
    assert (finding.level, finding.value) == ("failed", 3.0)


def test_batches_from_the_cache_cost_a_small_part_of_a_step(job):
    finding = run_check(loader_speed.CHECK, job)
    assert finding.value < 0.5
    assert "batches a second alone" in finding.message


class Slow(Batches):
    """Batches from a slow disk."""

    def epoch(self, epoch, *, start=0):
        for batch in super().epoch(epoch, start=start):
            time.sleep(0.2)
            yield batch


@pytest.mark.requirement("P2.8")
def test_a_loader_that_is_slower_than_the_step_is_warned_of(job):
    fields = {f.name: getattr(job.train, f.name) for f in dataclasses.fields(Batches) if f.init}
    finding = run_check(loader_speed.CHECK, dataclasses.replace(job, train=Slow(**fields)))
    assert (finding.level, finding.page) == ("warning", "resource_inefficiency")
    assert finding.value > 0.1


def test_the_device_is_told_with_threads_and_other_programs(job):
    finding = run_check(device.CHECK, job)
    assert finding.level in ("ok", "warning")  # a warning when this machine is busy just now
    assert "device cpu, threads 1, compute fp32" in finding.message


@pytest.mark.requirement("P2.8")
def test_a_gpu_that_is_there_and_not_used_is_warned_of(job, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    finding = run_check(device.CHECK, job)
    assert (finding.level, finding.remedy) == ("warning", "parallel.device: auto")
    assert "cuda is there and not used" in finding.message


@pytest.mark.requirement("P2.8")
def test_few_batches_are_warned_of_and_many_are_not(make_job):
    assert setup_warnings.CHECK.run(timed(make_job())).level == "warning"
    finding = setup_warnings.CHECK.run(timed(make_job(training={"batch_size": 4})))
    assert (finding.level, finding.value) == ("ok", 115.0)


@pytest.mark.requirement("P2.8")
def test_a_huge_model_is_warned_of(make_job):
    bench = timed(make_job(training={"batch_size": 4}), parameters=100_000_001)
    assert setup_warnings.CHECK.run(bench).level == "warning"


@pytest.mark.requirement("P2.16")
def test_a_run_that_fits_says_when_it_ends(job):
    # 20 epochs of 15 steps of 0.1 s and validations of 0.5 s: 40 s.
    bench = timed(job, step_seconds=0.1, validation_seconds=0.5)
    finding = finish_time.CHECK.run(bench)
    assert finding.level == "ok"
    assert "training takes 40 s for 20 epochs at 100 ms a step" in finding.message


@pytest.mark.requirement("P2.16")
def test_a_run_that_does_not_fit_says_how_much_does_and_what_to_change(make_job):
    job = make_job(budget={"minutes": 1})
    bench = timed(job, training_seconds=24.2, step_seconds=0.1, validation_seconds=0.5)
    finding = finish_time.CHECK.run(bench)
    assert finding.level == "warning"
    # 20 s are left after the references; 3 % are kept free: 9 whole epochs of 2 s and a part.
    assert "9." in finding.message
    assert "training.epochs: 20 -> 9" in finding.remedy
    assert "budget.minutes: 1 -> 1." in finding.remedy


@pytest.mark.requirement("P2.16")
def test_a_budget_that_holds_no_epoch_fails(job):
    finding = finish_time.CHECK.run(timed(job, step_seconds=100.0, validation_seconds=1.0))
    assert (finding.level, finding.fault) == ("failed", "resource")


def test_without_a_budget_the_time_is_told_and_not_judged(job):
    bench = timed(job, training_seconds=None, step_seconds=0.1, validation_seconds=0.5)
    finding = finish_time.CHECK.run(bench)
    assert finding.level == "not_applicable"
    assert "40 s" in finding.message
