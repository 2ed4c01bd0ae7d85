"""What every section of the configuration is made of: its base, the kinds of values, the words that fields choose from."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from extproc.config import spelling

MEBIBYTE = 1024 * 1024


class Api(StrEnum):
    """The dialects that are read and routed, named after the last word of their path."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"


class Capability(StrEnum):
    """What a request may need of a backend beyond text in, text out."""

    TOOLS = "tools"
    IMAGES = "images"
    AUDIO = "audio"
    FILES = "files"
    JSON_SCHEMA = "json_schema"


class Location(StrEnum):
    """Where a backend runs: `on_prem` is ours, `cloud` is somebody else's."""

    ON_PREM = "on_prem"
    CLOUD = "cloud"


Name = Annotated[str, AfterValidator(spelling.name), Field(json_schema_extra={"pattern": spelling.NAME})]
ModelName = Annotated[str, Field(min_length=1, max_length=256)]
BackendUrl = Annotated[str, AfterValidator(spelling.backend_url), Field(json_schema_extra={"pattern": "^https?://"})]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Port = Annotated[int, Field(ge=1, le=65_535)]
UsdPerMillion = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)]


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused, values are never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, validate_default=True)
