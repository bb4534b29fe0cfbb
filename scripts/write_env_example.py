"""Write `.env.example`: every setting with its default and its meaning, from the settings classes.

Usage: write_env_example.py FILE
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from pydantic_settings import BaseSettings

from hub.config import (
    AgentSettings,
    BranchSettings,
    DataSettings,
    Limits,
    ModelSettings,
    NoticeSettings,
    OutboundSettings,
    PrinterSettings,
    PushSettings,
    RedisSettings,
    ServerSettings,
    WhatsAppSettings,
)

ROOT = Path(__file__).resolve().parent.parent

HEAD = """\
# Settings of Comanda. Copy this file to .env, and remove the # before what you change.
# docs/protocol.md explains each setting.
"""

# Docker Compose reads these; they are no settings of a hub.
COMPOSE = """
# Of docker-compose.yml only; the first is required there.
#COMANDA_REDIS_PASSWORD=
#COMANDA_PORT=8080
#COMANDA_HTTPS_PORT=443
#COMANDA_TLS_DIR=
#COMANDA_HUB_MEMORY=768m
#COMANDA_AGENT_MEMORY=1536m
#COMANDA_NOTIFIER_MEMORY=384m
#COMANDA_REDIS_CONTAINER_MEMORY=2560m
#EXTRAS=models
#COMPOSE_FILE=docker-compose.yml:docker-compose.tls.yml
"""


def main(arguments: list[str]) -> int:
    (target,) = map(Path, arguments)
    target.write_text(env_example(), encoding="utf-8")
    return 0


def env_example() -> str:
    """Return the text of `.env.example`."""
    groups: list[type[BaseSettings]] = [BranchSettings, DataSettings, RedisSettings, ServerSettings]
    groups += [OutboundSettings, NoticeSettings, PushSettings, WhatsAppSettings]
    groups += [ModelSettings, AgentSettings, PrinterSettings]
    groups += [each for each in Limits.__bases__ if issubclass(each, BaseSettings)]
    return HEAD + "".join(map(_section, groups)) + COMPOSE


def _section(group: type[BaseSettings]) -> str:
    meanings = _meanings(group)
    lines = ["", f"# {(inspect.getdoc(group) or '').splitlines()[0]}"]
    said = ""
    for name, field in group.model_fields.items():
        meaning = meanings.get(name, "")
        if meaning and meaning != said:
            lines.append(f"# {meaning}")
        said = meaning
        lines.append(f"#{group.model_config.get('env_prefix', '')}{name.upper()}={_shown(field.get_default())}")
    return "\n".join(lines) + "\n"


def _meanings(group: type[BaseSettings]) -> dict[str, str]:
    """Return the fields' meanings, from the attributes in the docstrings of a class and its parents."""
    found: dict[str, str] = {}
    for part in reversed(group.__mro__):
        _, _, attributes = (inspect.cleandoc(part.__doc__ or "")).partition("Attributes:\n")
        for names, text in re.findall(r"^    ([a-z][\w, ]*): ((?:.*\n?)(?:^ {8}.*\n?)*)", attributes, re.MULTILINE):
            found.update(dict.fromkeys(names.split(", "), " ".join(text.split())))
    return found


def _shown(value: object) -> str:
    match value:
        case None | ():
            return ""
        case tuple():
            return ",".join(map(str, value))
        case bool():
            return str(value).lower()
        case Path():
            return str(value.relative_to(ROOT)) if value.is_absolute() else str(value)
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
