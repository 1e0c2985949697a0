"""Vision models behind any server that speaks OpenAI's chat completions: vLLM's own, llama.cpp's, a hosted one."""

import asyncio
import base64
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from pipeline.engines.base import Engine, PageRequest
from pipeline.engines.gate import Gate, Gone
from pipeline.engines.guided import FORMS, REPETITION, Ask, Completion, GuidedReader, identity_of
from pipeline.engines.replies import LOOK, NEXT_STEPS, RETRIES, completion, failure, stopped, told_by
from pipeline.errors import DocumentError, Reason, RunError, UsageError, one_line
from pipeline.grammar import answer_schema
from pipeline.records import Identity, PageAnswer
from pipeline.settings import Settings
from schemas.base import Schema

TIMEOUTS = 2
"""Times that an answer may be late before the page is given up."""

ALIVE_S = 5.0
"""Seconds within which a server that is there answers a connection, or what it serves."""

MOST_NAMES = 5


class OpenAIEngine(Engine):
    """One server, with a bounded number of requests in flight; waits for a server that goes away."""

    needs_images = True

    def __init__(self, schema: Schema, settings: Settings) -> None:
        super().__init__(schema, settings)
        _check(settings)
        self.max_in_flight = settings.requests
        self._settings = settings
        self._schema = schema
        self._reader = GuidedReader(self, schema, settings)
        self._gate = Gate(self._alive, settings.base_url, settings.server_wait_s, lambda line: self.notice(line))
        self._client: Any = None
        # What not every server takes; one that names such a parameter when it refuses is asked without.
        self._extras: dict[str, Any] = {"logprobs": True, "seed": 0, "temperature": 0}
        self._room = "max_tokens"  # deprecated at its home, and the one name that all but the newest there know
        self._formats = {bounded: _format(schema, bounded) for bounded in FORMS}

    @staticmethod
    def identity(schema: Schema, settings: Settings) -> Identity:
        """Model, revision, prompt and grammar; where the server stands is not in it."""
        _check(settings)
        return identity_of(settings.model, settings.revision, schema, settings)

    @staticmethod
    def probe(settings: Settings) -> list[str]:
        """Whether the settings are sound, the server answers and serves the model."""
        try:
            _check(settings)
            _served(settings)
        except (UsageError, RunError) as error:
            return [f"{error.message} → {error.next_step}"]
        return []

    async def start(self) -> None:
        """Find the server, and have it compile the grammar; raises RunError where it does not."""
        owners = await asyncio.to_thread(_served, self._settings)
        if "vllm" in owners:
            self._extras["extra_body"] = {"repetition_detection": REPETITION}
        self._client = _client(self._settings)
        limit = self._settings.compile_timeout_s
        try:
            async with asyncio.timeout(limit):
                await self._preflight()
        except TimeoutError as error:
            self.close()
            raise RunError(
                f"the server at {self._settings.base_url} did not compile the grammar in {limit:g} s",
                "raise compile_timeout_s in octoglot.toml, or make the schema smaller",
            ) from error
        except BaseException:
            self.close()
            raise

    async def read(self, request: PageRequest) -> PageAnswer:
        """One page, by the rules of `guided`."""
        return await self._reader.read(request)

    async def picture(self, image: Any) -> str:
        """The image as a data URL of a PNG."""
        return await asyncio.to_thread(_data_url, image)

    async def complete(self, ask: Ask) -> Completion:
        """One answer of the server, waited for where the server is gone."""
        try:
            return await self._gate.send(lambda: self._complete(ask))
        finally:
            self.lost = self._gate.lost

    def close(self) -> None:
        """Close the connections, in the loop that used them; where that is over they are closed already."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            self._closing = asyncio.get_running_loop().create_task(client.close())
        except RuntimeError:
            return

    async def _complete(self, ask: Ask) -> Completion:
        """One answer; raises DocumentError for this page, RunError where every page would fare the same, Gone."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

        for _ in range(TIMEOUTS):
            try:
                return completion(await self._send(self._client, ask))
            except APITimeoutError:
                continue
            except APIConnectionError as error:
                raise Gone(told_by(error, self._settings)) from error
            except APIStatusError as error:
                raise failure(error, self._settings) from error
            except (OpenAIError, ValueError) as error:  # a body that is no JSON, or is not UTF-8
                message = f"the server's answer cannot be read: {one_line(str(error))}"
                raise DocumentError(Reason.ENGINE_FAILED, message) from error
        message = f"no answer after answer_timeout_s = {self._settings.answer_timeout_s:g} s, {TIMEOUTS} times"
        raise DocumentError(Reason.TIMEOUT, message)

    async def _send(self, client: Any, ask: Ask) -> Any:
        image = {"type": "image_url", "image_url": {"url": ask.picture}}
        return await client.chat.completions.create(
            model=self._settings.model,
            messages=[{"role": "user", "content": [image, {"type": "text", "text": ask.prompt}]}],
            response_format=self._formats[ask.bounded],
            **{self._room: ask.most_tokens},
            **self._extras,
        )

    async def _preflight(self) -> None:
        """One token for an empty picture, by each form: the server shows what it refuses before a document is touched."""
        from openai import BadRequestError, OpenAIError, UnprocessableEntityError

        where, name = self._settings.base_url, self._schema.schema_name
        picture = await self.picture(np.full((64, 64, 3), 255, np.uint8))
        asks = [Ask("Answer with JSON.", picture, 1, bounded) for bounded in FORMS]
        client = self._client.with_options(max_retries=1)  # a schema that the server chokes on is not to be sent six times
        while asks:
            try:
                completion(await self._send(client, asks[0]))
                asks.pop(0)
            except (BadRequestError, UnprocessableEntityError) as error:
                told = told_by(error, self._settings)
                unknown = next((extra for extra in self._extras if extra in told), "")
                if self._room in told and "max_completion_tokens" in told and self._room != "max_completion_tokens":
                    self._room = "max_completion_tokens"
                    continue
                if not unknown:
                    raise RunError(
                        f"the server at {where} refuses the schema {name}: {told}",
                        "`octoglot schemas lint` looks for the cause; the model must take images",
                    ) from error
                del self._extras[unknown]
            except (OpenAIError, DocumentError, ValueError) as error:
                told = told_by(error, self._settings)
                step = NEXT_STEPS.get(getattr(error, "status_code", 0), f"{LOOK}: what it cannot compile may show there only")
                raise RunError(f"the server at {where} fails at the first request: {told}", step) from error

    async def _alive(self) -> bool:
        """Whether the server answers at all: one that is loading or behind a dead gateway says 5xx."""
        from openai import APIStatusError, OpenAIError

        try:
            await self._client.with_options(timeout=ALIVE_S, max_retries=0).models.list()
        except APIStatusError as error:
            return error.status_code < 500
        except (OpenAIError, ValueError):
            return False
        return True


def _check(settings: Settings) -> None:
    """Look whether the settings name a server and a model, without a word to the server. Raises UsageError."""
    parts = urlsplit(settings.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        told = "has no server" if not settings.base_url else "cannot use this base_url"
        raise UsageError(
            f"--engine openai {told}",
            "--base-url http://127.0.0.1:8000/v1, or https://, with no user name or query in it; the key is api_key",
        )
    key = settings.api_key.get_secret_value()
    if not (key.isascii() and (key.isprintable() or not key)):
        raise UsageError("api_key holds letters that no key has", "copy it again, without quotes and line breaks")
    if key and parts.scheme == "http" and not _loopback(parts.hostname):
        raise UsageError(
            f"the key would go to {parts.hostname} in clear text",
            "use https://, or a tunnel (ssh -L) to 127.0.0.1, or leave api_key empty",
        )
    if not settings.model:
        raise UsageError("--engine openai needs a model", f"--model NAME: {_offer(settings)}")


def _format(schema: Schema, bounded: bool) -> dict[str, Any]:
    grammar = {"name": schema.schema_name, "strict": True, "schema": answer_schema(schema, bounded=bounded)}
    return {"type": "json_schema", "json_schema": grammar}


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _offer(settings: Settings) -> str:
    try:
        return f"the server has {_names(_models(settings))}"
    except RunError:
        return "the name by which the server calls it"


def _names(served: Mapping[str, str]) -> str:
    more = f" and {len(served) - MOST_NAMES} more" if len(served) > MOST_NAMES else ""
    return ", ".join([*served][:MOST_NAMES]) + more if served else "none"


def _served(settings: Settings) -> set[str]:
    """Who owns the models of the server: `vllm` where it is vLLM's. Raises RunError where the model is not among them."""
    served = _models(settings)
    if served and settings.model not in served:
        raise RunError(
            f"the server at {settings.base_url} does not serve {settings.model}", f"--model NAME: it has {_names(served)}"
        )
    return set(served.values())


def _models(settings: Settings) -> dict[str, str]:
    """The server's models and who owns them; empty where it does not tell. Raises RunError where it does not answer."""
    from openai import APIStatusError, DefaultHttpxClient, OpenAI, OpenAIError

    connection = DefaultHttpxClient(timeout=ALIVE_S, trust_env=_by_proxy(settings))
    try:
        with OpenAI(**_access(settings), timeout=ALIVE_S, max_retries=0, http_client=connection) as client:
            return {model.id: model.owned_by for model in client.models.list()}
    except APIStatusError as error:
        if error.status_code in (404, 405):
            return {}
        raise stopped(error, settings) from error
    except (OpenAIError, ValueError) as error:
        raise RunError(
            f"there is no server at {settings.base_url}: {told_by(error, settings)}",
            "start it, or give another address with --base-url",
        ) from error


def _access(settings: Settings) -> dict[str, Any]:
    """A key is always told: the client would look for one in the environment, which is not this server's."""
    return {"base_url": settings.base_url, "api_key": settings.api_key.get_secret_value() or "none"}


def _by_proxy(settings: Settings) -> bool:
    """Whether HTTP_PROXY and the like may be heeded: not for a server on this machine."""
    return not _loopback(urlsplit(settings.base_url).hostname or "")


def _client(settings: Settings) -> Any:
    """A client that repeats a request by itself after 429 and 5xx alone: a server that is gone is the gate's affair."""
    import httpx2
    from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, DefaultAsyncHttpxClient

    class Connection(DefaultAsyncHttpxClient):
        async def send(self, request: httpx2.Request, **told: Any) -> httpx2.Response:
            try:
                return await super().send(request, **told)
            except (httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
                raise APITimeoutError(request) from error
            except httpx2.RequestError as error:
                raise APIConnectionError(message=one_line(str(error) or type(error).__name__), request=request) from error

    timeout = httpx2.Timeout(settings.answer_timeout_s, connect=ALIVE_S)
    connection = Connection(timeout=timeout, trust_env=_by_proxy(settings))
    return AsyncOpenAI(**_access(settings), timeout=timeout, max_retries=RETRIES, http_client=connection)


def _data_url(image: Any) -> str:
    fast = (cv2.IMWRITE_PNG_COMPRESSION, 1)
    _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), fast)
    return f"data:image/png;base64,{base64.b64encode(png.tobytes()).decode()}"
