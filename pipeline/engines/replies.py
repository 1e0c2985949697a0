"""What a server's reply means: an answer, a page that it does not take, a run that must stop, or a server that is gone."""

from collections.abc import Iterable
from typing import Any

from pipeline.engines.answer import Piece
from pipeline.engines.gate import Gone
from pipeline.engines.guided import Completion
from pipeline.errors import DocumentError, Reason, RunError, one_line
from pipeline.settings import Settings

RETRIES = 5
"""Times that a request is sent again after 429 or 5xx: as Retry-After says, else after 0.5 s and twice as long each time."""

LOOK = "look at the server's log"

NEXT_STEPS = {
    401: "set api_key in octoglot.toml or OCTOGLOT_API_KEY",
    403: "the key may not use this model: take another key or --model",
    404: "look at --base-url (it ends in /v1 most times) and --model; `octoglot doctor` names what the server has",
}

STOPS = ("stop", "length", "repetition")


def failure(error: Any, settings: Settings) -> Exception:
    """What an answer other than 200 means: for the page, for the run, or that the server is gone."""
    status = error.status_code
    if status in NEXT_STEPS:
        return stopped(error, settings)
    told = told_by(error, settings)
    if status in (502, 503, 504):
        return Gone(told)
    if status == 429 or status >= 500:
        return DocumentError(Reason.ENGINE_FAILED, f"the server failed {RETRIES + 1} times: {told}")
    return DocumentError(Reason.ENGINE_REFUSED, f"the server: {told}")


def stopped(error: Any, settings: Settings) -> RunError:
    """The same for one that every page would meet with."""
    message = f"the server at {settings.base_url} refuses: {told_by(error, settings)}"
    return RunError(message, NEXT_STEPS.get(error.status_code, LOOK))


def told_by(error: Any, settings: Settings) -> str:
    """The error in one line: status and the server's own words, without the key that some repeat."""
    body = getattr(error, "body", None)
    own = (body.get("message") or body.get("detail")) if isinstance(body, dict) else None
    status = f"{error.status_code} " if hasattr(error, "status_code") else ""
    told, key = str(own or body or error.__cause__ or error), settings.api_key.get_secret_value()
    return status + one_line(_sound(told.replace(key, "***") if key else told))


def completion(answer: Any) -> Completion:
    """What the answer says. Raises DocumentError where it is no answer, or was ended for another reason than its length."""
    choices = getattr(answer, "choices", None)
    if not choices:
        raise DocumentError(Reason.ENGINE_FAILED, f"the server's answer holds no choice: {one_line(_sound(str(answer)))}")
    choice, usage = choices[0], answer.usage
    refusal = getattr(choice.message, "refusal", None)
    if refusal or choice.finish_reason == "content_filter":
        raise DocumentError(
            Reason.ENGINE_REFUSED, f"the model refuses to read this page: {one_line(_sound(refusal or 'content filter'))}"
        )
    if choice.finish_reason not in STOPS:
        raise DocumentError(Reason.ENGINE_FAILED, f"the server ended the answer for the reason {choice.finish_reason!r}")
    return Completion(
        text=_sound(choice.message.content or ""),
        finish=choice.finish_reason,
        pieces=tuple(_pieces(choice.logprobs)),
        tokens_in=usage.prompt_tokens if usage else 0,
        tokens_out=usage.completion_tokens if usage else 0,
    )


def _pieces(logprobs: Any) -> Iterable[Piece]:
    """The tokens; by their bytes where there are some: servers tell the text of half a letter in many ways."""
    for token in (logprobs and logprobs.content) or ():
        text = token.token if token.bytes is None else bytes(token.bytes).decode("utf-8", "replace")
        yield Piece(text, token.logprob)


def _sound(text: str) -> str:
    """The text without halves of letters (lone surrogates, which JSON can escape): no file takes them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
