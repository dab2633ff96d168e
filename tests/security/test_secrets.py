"""Forty planted secrets: in variables, the home folder, the repository and the command line; none comes out (H11)."""

from __future__ import annotations

import random
import shutil
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz_corpus import FAST
from fuzz_server import Result
from served import Served

pytestmark = pytest.mark.xdist_group("hostile")
LETTERS = string.ascii_letters + string.digits
# In variables that are on the list of those that are recorded, too.
VARIABLES = (
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "DATABASE_URL", "GITHUB_TOKEN",
    "GOOGLE_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "KAGGLE_KEY", "MLFLOW_TRACKING_PASSWORD",
    "NPM_TOKEN", "OPENAI_API_KEY", "SLACK_WEBHOOK", "SSH_PRIVATE_KEY", "WANDB_API_KEY", "MY_SETTING",
    "http_proxy", "PS1", "CUDA_VISIBLE_DEVICES", "NCCL_ALGO", "PYTORCH_CUDA_ALLOC_CONF",
)  # fmt: skip
HOME_FILES = (
    ".netrc", ".pypirc", ".aws/credentials", ".kaggle/kaggle.json", ".cache/huggingface/token", ".ssh/id_ed25519",
    ".env", ".git-credentials",
)  # fmt: skip


def secrets() -> dict[str, str]:
    """Where each is planted -> the secret, in the forms of real ones."""
    chance = random.Random(11)
    forms = ("ghp_{}", "hf_{}", "sk-proj-{}", "AKIA{}", "xoxb-{}", "glpat-{}", "eyJ{}", "{}")
    places = [
        *VARIABLES,
        *HOME_FILES,
        "remote",
        "remote_user",
        "patch_password",
        "patch_token",
        "patch_key",
        "patch_env",
    ]
    places += ["argument_token", "argument_value", "argument_address", "git_config", "untracked"]
    return {
        place: forms[number % len(forms)].format("".join(chance.choices(LETTERS, k=24)))
        for number, place in enumerate(places)
    }


SECRETS = secrets()


@pytest.fixture
def place(served: Served) -> Iterator[Path]:
    """A repository with changes, a remote and a table; a home folder with tokens."""
    home, root = served.root / "home", served.root / "secrets"
    for name in HOME_FILES:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"token {SECRETS[name]}\n")
    root.mkdir()
    (root / "t.csv").write_text(
        "x,y\n" + "".join(f"{n % 7 + 9 * (n % 2)},{'ab'[n % 2]}\n" for n in range(200))
    )
    (root / "train.py").write_text("rate = 1\n")
    (root / ".env").write_text("A=1\n")
    address = f"https://{SECRETS['remote_user']}:{SECRETS['remote']}@example.org/x.git"
    for words in (
        ["init", "-q", "-b", "topic"], ["add", "-f", "train.py", ".env"],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "first"],
        ["remote", "add", "origin", address],
        ["config", "http.extraHeader", f"Authorization: Bearer {SECRETS['git_config']}"],
    ):  # fmt: skip
        subprocess.run(["git", "-C", str(root), *words], check=True)
    lines = [
        f"password = '{SECRETS['patch_password']}'",
        f"login(token={SECRETS['patch_token']!r})",
        "rate = 2",
    ]
    key = ["-----BEGIN PRIVATE KEY-----", SECRETS["patch_key"], "-----END PRIVATE KEY-----"]
    (root / "train.py").write_text("\n".join([*lines, *key, ""]))
    (root / ".env").write_text(f"A={SECRETS['patch_env']}\n")
    (root / "notes.txt").write_text(SECRETS["untracked"])
    yield root
    shutil.rmtree(root)
    shutil.rmtree(home)
    home.mkdir()


def leaked(folder: Path, *results: Result) -> list[str]:
    """Where the secrets come from that are in a file or were printed."""
    content = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    content += b"".join(r.out + r.err for r in results)
    return [name for name, secret in SECRETS.items() if secret.encode() in content]


@pytest.mark.requirement("H11")
def test_none_of_forty_is_in_a_file_or_on_the_console(served: Served, place: Path) -> None:
    assert len(SECRETS) >= 40
    variables = {name: SECRETS[name] for name in VARIABLES}
    words = ["t.csv", "--target", "y", "-o", "exp", "--yes", "--minutes", "1", *FAST]
    done = served.run("run", *words, cwd=place, variables=variables)
    assert done.code in (0, 7)
    others = [["status", "exp", "--json"], ["report", "exp"], ["compare", "exp", "exp"]]
    others += [["predict", "exp", "t.csv", "--out", "exp/p.csv"]]
    again = [served.run(*more, cwd=place, variables=variables) for more in others]
    assert {result.code for result in again} == {0}
    assert leaked(place / "exp", done, *again) == []
    assert "rate = 2" in (place / "exp" / "uncommitted.patch").read_text()


@pytest.mark.requirement("H11")
@pytest.mark.parametrize("debug", [False, True])
def test_those_of_a_wrong_command_line_are_not_shown_again(served: Served, place: Path, debug: bool) -> None:
    for words in (
        ["run", "t.csv", "--token", SECRETS["argument_token"]],
        ["run", "t.csv", "--set", f"tracking.api_key={SECRETS['argument_value']}"],
        ["run", "t.csv", f"--api-key={SECRETS['argument_value']}"],
        ["init", f"https://me:{SECRETS['argument_address']}@example.org/data.csv"],
        ["status", SECRETS["argument_token"]],
    ):
        result = served.run(*words, *(["--debug"] if debug else []), cwd=place)
        assert result.code == 2, words
        assert leaked(place / "none", result) == []


@pytest.mark.requirement("H11")
def test_those_of_a_command_line_are_in_no_record_of_a_crash(served: Served, place: Path) -> None:
    words = ["status", "exp", "--password", SECRETS["argument_token"]]
    result = served.run(*words, cwd=place, plant={"firstlight.cli.usage.explain_usage": "keyerror"})
    assert result.code in (1, 2)
    crash = served.root / "tmp"
    assert leaked(crash, result) == []


@pytest.mark.requirement("H11")
def test_the_search_finds_what_is_there(place: Path) -> None:
    assert leaked(place) != []
