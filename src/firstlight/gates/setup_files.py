"""What gate 1 looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.errors import FirstlightError
from firstlight.experiment import store
from firstlight.experiment.environment import read_environment
from firstlight.experiment.folder import Folder

if TYPE_CHECKING:
    from firstlight.config.schema import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFiles:
    """What the gate looks at, read once; a file that cannot be read is empty, and the error says why."""

    folder: Folder
    config: Config | None
    config_error: str
    environment: dict[str, Any]
    environment_error: str
    profile: dict[str, Any]
    profile_error: str

    def known(self, *path: str) -> Any:
        """A value of environment.json; None when it is not there."""
        value: Any = self.environment
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value


def read_setup(folder: Folder) -> SetupFiles:
    """Reads what gate 1 looks at; never fails."""
    from firstlight.config.read import read_config

    config, config_error, environment, environment_error = None, "", {}, ""
    try:
        config = read_config(folder.config).config
    except FirstlightError as error:
        config_error = f"{error.what}: {error.where}"
    try:
        environment = read_environment(folder)
    except FirstlightError as error:
        environment_error = error.where
    try:
        profile, profile_error = store.read_json(folder.profile), ""
        if not isinstance(profile, dict):
            profile, profile_error = {}, "logs/profile.json is not a JSON object"
    except (OSError, ValueError) as error:
        profile, profile_error = {}, f"logs/profile.json cannot be read: {error}"
    return SetupFiles(
        folder=folder,
        config=config,
        config_error=config_error,
        environment=environment,
        environment_error=environment_error,
        profile=profile,
        profile_error=profile_error,
    )
