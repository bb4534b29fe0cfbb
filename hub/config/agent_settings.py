"""The settings of the agent: the models that may answer, and the limits of an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from hub.config.environment import PREFIX, EnvironmentSettings, plain_text

AGENT_PREFIX = f"{PREFIX}AGENT_"

Provider = Literal["offline", "openai", "openai_like", "anthropic", "ollama"]


class TurnLimits(BaseModel):
    """The limits of one answer.

    Attributes:
        first_token_s: Seconds from asking a model to its first token, in one try.
        idle_s: Seconds between two tokens of a model.
        turn_s: Seconds for the whole turn, tools and pauses included.
        turn_tokens: Tokens that models may write in the turn, tool calls included.
        tries: Tries at one model, before its first token.
        retry_pause_s: Seconds before the second try; the pause doubles with each further try, and varies by half.
        llm_calls: Calls of models in the turn; each tool call leads to another.
        pace: Characters a second at most; 0: as they come.
        memory_tokens: Tokens of the conversation that the model is shown.
    """

    model_config = ConfigDict(frozen=True)

    first_token_s: Annotated[float, Field(gt=0, le=600)] = 20
    idle_s: Annotated[float, Field(gt=0, le=600)] = 20
    turn_s: Annotated[float, Field(gt=0, le=3_600)] = 120
    turn_tokens: Annotated[int, Field(ge=1)] = 8_000
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    retry_pause_s: Annotated[float, Field(ge=0, le=60)] = 0.25
    llm_calls: Annotated[int, Field(ge=1, le=100)] = 8
    pace: Annotated[float, Field(ge=0)] = 0
    memory_tokens: Annotated[int, Field(ge=0)] = 3_000


class AgentSettings(TurnLimits, EnvironmentSettings):
    """The limits of an answer, and the work of the workers.

    Attributes:
        wait_s: Age in seconds at which a question that no worker has taken fails.
        at_once: Answers side by side in one worker.
        interrupt: True if a new question ends the answer in the making.
    """

    model_config = SettingsConfigDict(env_prefix=AGENT_PREFIX)

    wait_s: Annotated[float, Field(ge=1, le=3_600)] = 20
    at_once: Annotated[int, Field(ge=1, le=1_000)] = 64
    interrupt: bool = False


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model as the settings name it; `prefix` is that of its variables."""

    prefix: str
    provider: Provider
    model: str = ""
    base_url: str = ""
    key: str = field(default="", repr=False)


class ModelSettings(EnvironmentSettings):
    """The models.

    Attributes:
        llm: The provider that is asked first.
        llm_second: The provider that is asked where the first one does not answer.
        llm_offline_last: True if the offline model answers where no other does.
    """

    llm: Provider = "offline"
    llm_model: str = ""
    llm_base_url: str = ""
    llm_api_key: SecretStr | None = None
    llm_second: Provider | None = None
    llm_second_model: str = ""
    llm_second_base_url: str = ""
    llm_second_api_key: SecretStr | None = None
    llm_offline_last: bool = False

    @property
    def models(self) -> list[NamedModel]:
        """The models that may answer, the one to ask first at the front."""
        key = plain_text(self.llm_api_key)
        found = [NamedModel("COMANDA_LLM", self.llm, self.llm_model, self.llm_base_url, key)]
        if self.llm_second is not None:
            prefix, key = "COMANDA_LLM_SECOND", plain_text(self.llm_second_api_key)
            found.append(NamedModel(prefix, self.llm_second, self.llm_second_model, self.llm_second_base_url, key))
        if self.llm_offline_last and all(model.provider != "offline" for model in found):
            found.append(NamedModel("COMANDA_LLM", "offline"))
        return found

    @field_validator("llm_second", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """Treat an empty value as unset."""
        return value or None
