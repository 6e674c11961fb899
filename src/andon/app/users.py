"""What an administrator does to users from the command line, also while Andon runs."""

from __future__ import annotations

from pathlib import Path

from andon.app.databases import connect_database
from andon.app.settings import load_settings
from andon.engines.database.database import FILE_NAME
from andon.identity.keys import load_or_create_keys
from andon.identity.model import system_principal
from andon.identity.service import IdentityService
from andon.kit.errors import NotFoundError


def set_user_password(data_dir: Path | None, username: str, password: str) -> None:
    """Set the password and end the user's sessions. InvalidError says why a password will not do."""
    settings = load_settings(data_dir=data_dir)
    folder = settings.data_dir
    if settings.database_url is None and not (folder / FILE_NAME).exists():
        raise NotFoundError(
            f"{folder} holds no Andon data", field="data-dir", cure="name the folder that `andon up` uses"
        )
    database = connect_database(settings)
    try:
        identity = IdentityService(database, load_or_create_keys(folder))
        actor = system_principal(identity.ensure_default_organisation().id, "command line")
        identity.set_password(actor, username, password)
    finally:
        database.close()
