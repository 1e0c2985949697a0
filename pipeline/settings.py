"""All settings in one frozen model: flags over `OCTOGLOT_*` over `./octoglot.toml` over defaults, read once at the edge."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Settings(BaseSettings):
    """What a run is told beside sources and schema. Units are in the names: `_s` seconds, `_mb` 10^6 bytes, `_px` pixels."""

    model_config = SettingsConfigDict(
        env_prefix="OCTOGLOT_", toml_file="octoglot.toml", frozen=True, extra="forbid", env_ignore_empty=True
    )

    engine: str = Field("ocr", description="ocr, vllm, openai, or MODULE:CLASS of one's own")
    model: str = Field("", description="for vllm a profile, a model id or a folder; for openai the server's name of it")
    revision: str = Field("", description="commit or tag of the model; empty: as its profile says")
    profiles: str = Field("", description="a file of one's own model profiles")
    base_url: str = Field("", description="for openai: where the server is, as http://127.0.0.1:8000/v1")
    api_key: SecretStr = Field(SecretStr(""), description="for openai: the server's key; never written down")
    slots: int = Field(0, ge=0, description="engines at a time; 0: as many as the GPUs hold")
    requests: int = Field(16, ge=1, description="for openai: requests in flight")
    wording: str = Field("", description="a file of one's own in the place of pipeline/wording/page.jinja")
    prompt_tokens: int = Field(2000, ge=0, description="tokens of a page's own words in a prompt, about and at most")
    answer_tokens: int = Field(2048, ge=16, description="tokens of an answer; a cut one is asked for again with twice")
    answer_timeout_s: float = Field(300.0, gt=0, description="time for an answer, once the engine works on it")
    compile_timeout_s: float = Field(60.0, gt=0, description="time to compile the grammar of a schema, before the first page")
    server_wait_s: float = Field(300.0, ge=0, description="for openai: how long a run waits for a server that is gone")
    language: Literal["", "en", "de", "fr", "it", "pt", "hi", "es", "th"] = Field(
        "", description="what all pages are in (ISO 639-1 of one of the eight); empty: each page's own words tell"
    )
    words: Literal["auto", "text-layer", "ocr", "none"] = Field("auto", description="where a page's words come from")
    workers: int = Field(0, ge=0, description="CPU processes that read pages; 0: one a core")
    ray_address: str = Field("", description="a Ray cluster to join; empty: a private local one")

    shard_files: int = Field(200, ge=1, description="documents in a shard, at most")
    shard_mb: int = Field(1000, ge=1, description="bytes in a shard, at most")
    range_pages: int = Field(16, ge=1, description="pages of a long document that are prepared at a time")
    max_pages: int = Field(5000, ge=1, description="a longer document is quarantined as too_large")
    max_file_mb: int = Field(2000, ge=1, description="a larger file is quarantined as too_large")
    max_words: int = Field(12_000, ge=1, description="a page with more words is quarantined as too_large")
    max_pixels: int = Field(200_000_000, ge=1, description="an image with more pixels is quarantined as too_large")
    survey_timeout_s: float = Field(60.0, gt=0, description="time to open a file and count its pages")
    page_timeout_s: float = Field(60.0, gt=0, description="time to prepare a page, beside the wait for its turn")
    retryable_attempts: int = Field(3, ge=1, description="runs that try a document with a retryable failure")

    ocr_dpi: int = Field(200, ge=72, le=600, description="resolution for OCR of an A4 page")
    image_px: int = Field(0, ge=0, description="longest side of the image that a model sees; 0: as its profile says, else 1120")
    review_below: float = Field(0.8, ge=0, le=1, description="documents of a lower confidence need review")
    tessdata: str = Field("", description="folder of Tesseract's language packs; empty: looked for")
    state_dir: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_STATE_HOME", "~/.local/state")).expanduser() / "octoglot",
        description="where Prefect's database and logs live",
    )

    @field_validator("api_key")
    @classmethod
    def _bare(cls, key: SecretStr) -> SecretStr:
        """A file or a command that a key comes from ends in a line break."""
        return SecretStr(key.get_secret_value().strip())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then octoglot.toml in the working folder."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))
