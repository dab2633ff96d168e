"""Checks of config and data: quiet on a healthy job, loud on the fault."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made import with_pixels
from preflight_jobs import run_check, with_data

from firstlight.data.examples import Skipped
from firstlight.data.images.batches import Normalisation
from firstlight.preflight.checks import config, data_reads, labels, leakage


def test_a_default_config_is_ok_and_said_in_one_sentence(job):
    finding = run_check(config.CHECK, job)
    assert finding.level == "ok"
    assert "20 epochs of 15 steps, batch 32, adamw at 0.001" in finding.message


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"training": {"learning_rate": 1.0}}, "training.learning_rate"),
        ({"training": {"batch_size": 460}}, "training.batch_size"),
        ({"checkpointing": {"save_best": False}}, "checkpointing.save_best"),
        ({"validation": {"validate_every_n_epochs": 30}}, "validation.validate_every_n_epochs"),
        ({"acceptance": {"metric": "val_accuracy", "at_least": 95}}, "acceptance.at_least: 0.95"),
    ],
)
def test_settings_that_make_no_sense_are_warned_of_with_the_key(make_job, sections, key):
    finding = run_check(config.CHECK, make_job(**sections))
    assert finding.level == "warning"
    assert key in finding.remedy


@pytest.mark.requirement("P1.7")
def test_reading_healthy_data_tells_counts_and_shape(job):
    finding = run_check(data_reads.CHECK, job)
    assert (finding.level, finding.value) == ("ok", 460.0)
    assert "1 x 8 x 8" in finding.message


@pytest.mark.requirement("P1.7")
def test_images_that_are_all_the_same_picture_fail(make_job, digits):
    blank = dataclasses.replace(
        with_pixels(digits, np.full_like(digits.images.pixels, 7)), digests=np.full_like(digits.digests, b"x")
    )
    finding = run_check(data_reads.CHECK, make_job(examples=blank))
    assert (finding.level, finding.fault) == ("failed", "data")


@pytest.mark.requirement("P1.7")
def test_inputs_that_are_not_finite_fail_and_name_a_row(job):
    broken = dataclasses.replace(job.train, normalisation=Normalisation(mean=(float("nan"),), std=(1.0,)))
    finding = run_check(data_reads.CHECK, dataclasses.replace(job, train=broken))
    assert (finding.level, finding.page) == ("failed", "nan_loss")
    assert "row-" in finding.message


def test_an_empty_validation_part_fails(make_job, split):
    nothing = dataclasses.replace(split, val=split.val[:0])
    finding = run_check(data_reads.CHECK, make_job(split_as=nothing))
    assert (finding.level, finding.fault) == ("failed", "data")


def test_files_that_were_left_out_are_named_harmlessly(make_job, digits):
    bad = (Skipped(id="a/\x1b[31mred\n.png", reason="truncated"),)
    finding = run_check(data_reads.CHECK, make_job(examples=dataclasses.replace(digits, skipped=bad)))
    assert finding.level == "warning"
    assert r"\x1b[31mred\n.png" in finding.message


@pytest.mark.requirement("P1.7")
def test_healthy_labels_are_ok(job):
    finding = run_check(labels.CHECK, job)
    assert (finding.level, finding.value) == ("ok", 10.0)


def relabelled(digits, rows, label):
    changed = digits.targets.copy()
    changed[rows] = label
    return dataclasses.replace(digits, targets=changed)


@pytest.mark.requirement("P1.7")
def test_a_label_that_is_no_class_fails_and_names_the_row(job, digits, split):
    # The job cannot even count such labels, so only what the check reads is replaced.
    broken = with_data(job, examples=relabelled(digits, split.train[3:4], 10))
    finding = run_check(labels.CHECK, broken)
    assert (finding.level, finding.fault) == ("failed", "data")
    assert f"row-{split.train[3]}" in finding.message


def test_one_class_alone_in_training_fails(make_job, digits, split):
    finding = run_check(labels.CHECK, make_job(examples=relabelled(digits, split.train, 4)))
    assert (finding.level, finding.fault) == ("failed", "data")


@pytest.mark.requirement("P1.7")
def test_a_class_without_validation_images_is_warned_of(make_job, digits, split):
    sevens = split.val[digits.targets[split.val] == 7]
    finding = run_check(labels.CHECK, make_job(examples=relabelled(digits, sevens, 1)))
    assert finding.level == "warning"
    assert "1 class without validation images: 7" in finding.message


@pytest.mark.requirement("P1.7")
def test_one_picture_under_two_labels_is_warned_of(make_job, digits, split):
    digests = digits.digests.copy()
    one, other = (
        split.train[0],
        next(i for i in split.train if digits.targets[i] != digits.targets[split.train[0]]),
    )
    digests[other] = digests[one]
    finding = run_check(labels.CHECK, make_job(examples=dataclasses.replace(digits, digests=digests)))
    assert finding.level == "warning"
    assert "1 image with more than one label" in finding.message


def test_strong_imbalance_is_warned_of(make_job, digits, split):
    ones = split.train[digits.targets[split.train] == 1]
    finding = run_check(labels.CHECK, make_job(examples=relabelled(digits, ones[2:], 2)))
    assert finding.level == "warning"
    assert "times the images of the smallest" in finding.message


@pytest.mark.requirement("P1.7")
def test_a_clean_split_has_no_overlap(job):
    finding = run_check(leakage.CHECK, job)
    assert (finding.level, finding.value) == ("ok", 0.0)


@pytest.mark.requirement("P1.7")
def test_a_row_in_two_parts_fails(job, split):
    both = dataclasses.replace(split, val=np.append(split.val, split.train[0]))
    finding = run_check(leakage.CHECK, with_data(job, split=both))
    assert (finding.level, finding.value, finding.fault) == ("failed", 1.0, "data")


@pytest.mark.requirement("P1.7")
def test_identical_pictures_across_the_split_fail_above_one_per_cent(make_job, digits, split):
    digests = digits.digests.copy()
    digests[split.val[:1]] = digests[split.train[0]]
    finding = run_check(leakage.CHECK, make_job(examples=dataclasses.replace(digits, digests=digests)))
    assert (finding.level, finding.value) == ("failed", 1.0)
    assert f"row-{split.val[0]}" in finding.message


@pytest.mark.parametrize("named", ["groups", "times"])
def test_what_is_equal_in_several_groups_or_times_is_a_warning(make_job, digits, split, named):
    digests = digits.digests.copy()
    digests[split.val] = digests[split.train[0]]
    held = {named: np.arange(len(digests)) * (1 if named == "groups" else 1.0)}
    finding = run_check(
        leakage.CHECK, make_job(examples=dataclasses.replace(digits, digests=digests, **held))
    )
    assert (finding.level, finding.value) == ("warning", len(split.val))
    assert finding.message.endswith(f"; the {named} decided")


def test_a_duplicate_in_the_sealed_part_is_a_warning(make_job, digits, split):
    digests = digits.digests.copy()
    digests[split.test[0]] = digests[split.train[0]]
    finding = run_check(leakage.CHECK, make_job(examples=dataclasses.replace(digits, digests=digests)))
    assert finding.level == "warning"
