from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from firstlight.machine import git
from firstlight.machine.git import record_git, redacted


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    root = tmp_path / "code"
    root.mkdir()
    run(root, "init", "-q", "-b", "topic")
    (root / "train.py").write_text("rate = 1\n")
    (root / ".env").write_text("A=1\n")
    run(root, "add", "-A")
    run(root, "commit", "-q", "-m", "first")
    return root


def run(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, "-C", str(root), *arguments], check=True, capture_output=True)


@pytest.mark.requirement("P1.5")
def test_commit_branch_and_changes_are_recorded(repository: Path) -> None:
    clean = record_git(repository)
    assert (clean["branch"], clean["dirty"], clean["patch"]) == ("topic", False, "")
    assert len(clean["commit"]) == 40
    (repository / "train.py").write_text("rate = 2\n")
    dirty = record_git(repository)
    assert dirty["dirty"]
    assert dirty["changed"] == ["train.py"]
    assert "-rate = 1" in dirty["patch"]
    assert "+rate = 2" in dirty["patch"]
    assert not dirty["patch_cut"]


@pytest.mark.requirement("P1.5")
def test_the_patch_can_be_applied_when_nothing_had_to_be_left_out(repository: Path, tmp_path: Path) -> None:
    (repository / "train.py").write_text("rate = 2\nname = 'größe'\n")
    (tmp_path / "uncommitted.patch").write_text(record_git(repository)["patch"], "utf-8")
    run(repository, "checkout", "train.py")
    run(repository, "apply", str(tmp_path / "uncommitted.patch"))
    assert (repository / "train.py").read_text("utf-8") == "rate = 2\nname = 'größe'\n"


def test_below_a_folder_of_the_repository_all_changes_are_seen(repository: Path) -> None:
    (repository / "deep").mkdir()
    (repository / "train.py").write_text("rate = 2\n")
    assert "+rate = 2" in record_git(repository / "deep")["patch"]


def test_outside_of_a_repository_the_reason_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    assert record_git(tmp_path / "plain") == {"commit": None, "note": "not a git repository"}
    run(tmp_path / "plain", "init", "-q")
    assert record_git(tmp_path / "plain")["note"] == "the repository has no commit yet"
    monkeypatch.setenv("PATH", "")
    assert record_git(tmp_path)["note"] == "git is not installed"


def test_a_git_that_hangs_does_not_hold_up_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(git, "GIT_SECONDS", 0.3)
    began = time.monotonic()
    assert "did not answer" in record_git(tmp_path)["note"]
    assert time.monotonic() - began < 5


def test_no_program_that_the_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    for key in ("diff.external", "core.fsmonitor", "diff.x.textconv"):
        run(repository, "config", key, str(hook))
    (repository / ".gitattributes").write_text("*.py diff=x\n")
    (repository / "train.py").write_text("rate = 2\n")
    marker.unlink(missing_ok=True)
    assert "+rate = 2" in record_git(repository)["patch"]
    assert not marker.exists()


SECRETS = (
    "password = 'correct horse'",
    'API_KEY="abcdef"',
    "aws_secret_access_key: wJalrXUtnFEMI",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijkl",
    "glpat-abcdefghij0123456789",
    "hf_abcdefghijklmnopqrstuvwxyz",
    "sk-proj-abcdefghijklmnop0123",
    "sk_live_abcdefghijklmnop0123",
    "xoxb-123456789-abcdefgh",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "ya29.a0AfH6SMBx",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.abc",
    "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    "pypi-AgEIcHlwaS5vcmcCJDAw",
    "SG.abcdefghijklmnop.qrstuvwxyz0123",
    "https://user:hunter2@example.org/repo.git",
    "postgres://:hunter2@db/x",
    "Authorization: Basic dXNlcjpodW50ZXIy",
    "curl -H 'bearer abc'",
    "url = 'https://hooks.slack.com/services/T0/B0/x'",
    "x = 'Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFC'",
    "k = 'd41d8cd98f00b204e9800998ecf8427ed41d8cd9'",
    "client_id = 12",
    "pwd=hunter2",
)


@pytest.mark.requirement("H11")
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_a_change_is_in_no_record(repository: Path, secret: str) -> None:
    (repository / "train.py").write_text(f"rate = 2\n{secret}\nmore = 3\n")
    found = record_git(repository)
    assert secret not in json.dumps(found)
    assert not any(part in json.dumps(found) for part in ("hunter2", "correct horse"))
    assert found["redacted_lines"] == 1
    assert "+rate = 2" in found["patch"]
    assert "+more = 3" in found["patch"]


@pytest.mark.requirement("H11")
def test_a_private_key_is_left_out_whole(repository: Path) -> None:
    body = [
        "-----BEGIN RSA PRIVATE KEY-----",
        *(f"line{n}" for n in range(5)),
        "-----END RSA PRIVATE KEY-----",
    ]
    (repository / "train.py").write_text("\n".join(["rate = 2", *body, "more = 3"]) + "\n")
    found = record_git(repository)
    assert "line3" not in found["patch"]
    assert "+more = 3" in found["patch"]
    assert found["redacted_lines"] == len(body)


@pytest.mark.requirement("H11")
@pytest.mark.parametrize(
    "name", [".env", ".env.local", "server.pem", "id_rsa", "credentials.json", "my-SECRETS.yaml"]
)
def test_files_that_usually_hold_secrets_are_not_in_the_patch(repository: Path, name: str) -> None:
    (repository / "deep").mkdir()
    for path in (repository / name, repository / "deep" / name):
        path.write_text("nothing that looks odd\n")
    (repository / "train.py").write_text("rate = 2\n")
    run(repository, "add", "-f", "-A")
    patch = record_git(repository)["patch"]
    assert "nothing that looks odd" not in patch
    assert "+rate = 2" in patch


@pytest.mark.requirement("H11")
def test_the_address_of_the_remote_is_not_recorded(repository: Path) -> None:
    run(repository, "remote", "add", "origin", "https://user:hunter2@example.org/repo.git")
    assert "hunter2" not in json.dumps(record_git(repository))


def test_a_long_patch_is_cut_at_a_line(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "PATCH_BYTES", 500)
    (repository / "train.py").write_text("".join(f"value_{n} = {n}\n" for n in range(1000)))
    found = record_git(repository)
    assert found["patch_cut"]
    assert len(found["patch"]) <= 500
    assert found["patch"].endswith("\n")


@pytest.mark.parametrize(
    "line",
    [
        "+    return np.concatenate([rows, columns], axis=1)",
        "+from firstlight.experiment.records import EpochRecord",
        "+VERY_LONG_CONSTANT_NAME_OF_SOMEBODY = 0.001",
        "index 8f6c3c2d41d8cd98f00b204e9800998ecf8427e..d41d8cd98f00b204e9800998ecf8427ed41d8cd9 100644",
        "+# https://example.org/a/long/path/to/some/page#fragment",
    ],
)
def test_ordinary_code_is_kept(line: str) -> None:
    assert redacted(line) == (line, 0)


class TestARepositoryOfAStranger:
    """Its settings may name programs; looking at it must run none of them."""

    def planted(self, repository: Path, *settings: tuple[str, str]) -> Path:
        for key, value in settings:
            run(repository, "config", key, value)
        return repository.parent / "marker"

    @pytest.mark.requirement("H18")
    @pytest.mark.parametrize("kind", ["clean", "process"])
    def test_its_filters_are_not_run(self, repository: Path, kind: str) -> None:
        marker = self.planted(
            repository,
            (f"filter.x.{kind}", f"touch {repository.parent / 'marker'}; cat"),
            ("filter.x.required", "true"),
        )
        (repository / ".gitattributes").write_text("*.py filter=x\n")
        (repository / "train.py").write_text("rate = 2\n")
        assert "+rate = 2" in record_git(repository)["patch"]
        assert not marker.exists()

    @pytest.mark.requirement("H18")
    def test_a_filter_that_cannot_be_switched_off_ends_the_look(self, repository: Path) -> None:
        self.planted(repository, ("filter.a=b.clean", "touch marker"))
        assert "cannot be switched off" in record_git(repository)["note"]

    def test_filters_of_the_user_stay(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "global").write_text('[filter "x"]\n\tclean = sed s/secret-value/x/\n')
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
        (repository / ".gitattributes").write_text("*.py filter=x\n")
        (repository / "train.py").write_text("a = 'secret-value'\n")
        assert "+a = 'x'" in record_git(repository)["patch"]

    @pytest.mark.requirement("H18")
    @pytest.mark.parametrize("key", ["core.fsmonitor", "diff.external", "core.pager"])
    def test_other_programs_are_not_run(self, repository: Path, key: str) -> None:
        script = repository.parent / "script"
        script.write_text(f"#!/bin/sh\ntouch {repository.parent / 'marker'}\n")
        script.chmod(0o755)
        marker = self.planted(repository, (key, str(script)))
        (repository / "train.py").write_text("rate = 2\n")
        assert "+rate = 2" in record_git(repository)["patch"]
        assert not marker.exists()

    @pytest.mark.requirement("H15", "H18")
    def test_what_a_partial_clone_lacks_is_not_fetched(self, repository: Path) -> None:
        script = repository.parent / "script"
        script.write_text(f"#!/bin/sh\ntouch {repository.parent / 'marker'}\n")
        script.chmod(0o755)
        marker = self.planted(
            repository,
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.url", str(repository.parent / "elsewhere")),
            ("remote.origin.uploadpack", str(script)),
            ("remote.origin.promisor", "true"),
            ("protocol.file.allow", "always"),
        )
        told = subprocess.run(
            ["git", "-C", str(repository), "rev-parse", "HEAD:train.py"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        (repository / ".git" / "objects" / told[:2] / told[2:]).unlink()
        (repository / "train.py").write_text("rate = 2\n")
        assert "failed" in record_git(repository)["note"]
        assert not marker.exists()
