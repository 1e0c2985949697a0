"""Everything that can go wrong, with its code, its exit code and the user's next step."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What to do about a failure: never again, again in the next run, or stop the run."""

    PERMANENT = "permanent"
    RETRYABLE = "retryable"
    SYSTEMIC = "systemic"


class Reason(StrEnum):
    """Why a page or document is not ok: the code in the ledger's `reason` column."""

    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt"
    EMPTY_FILE = "empty_file"
    NOT_A_DOCUMENT = "not_a_document"
    NO_PAGES = "no_pages"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    CRASH = "crash"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    BLANK = "blank"
    OUT_OF_RANGE = "out_of_range"
    MENDED_FILE = "mended_file"
    ASKED_TWICE = "asked_twice"
    ENGINE_FAILED = "engine_failed"
    ENGINE_REFUSED = "engine_refused"
    ANSWER_CUT = "answer_cut"
    ANSWER_INVALID = "answer_invalid"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Advice:
    """What the ledger says of a reason: how bad it is and what the user can do next."""

    severity: Severity
    next_step: str


ADVICE: dict[Reason, Advice] = {
    Reason.ENCRYPTED: Advice(Severity.PERMANENT, "remove the password (qpdf --decrypt) and put the open file in its place"),
    Reason.CORRUPT: Advice(Severity.PERMANENT, "open it in a viewer; scan it or ask for it again"),
    Reason.EMPTY_FILE: Advice(Severity.PERMANENT, "the file has no bytes: copy it again from where it came"),
    Reason.NOT_A_DOCUMENT: Advice(Severity.PERMANENT, "convert it to PDF or to an image, or leave it out of the sources"),
    Reason.NO_PAGES: Advice(Severity.PERMANENT, "the PDF has no page: export or scan it again"),
    Reason.TOO_LARGE: Advice(Severity.PERMANENT, "split or shrink the file, or raise the limit in octoglot.toml"),
    Reason.UNREADABLE: Advice(Severity.RETRYABLE, "make the file readable for this user, then run the same command again"),
    Reason.VANISHED: Advice(Severity.RETRYABLE, "the file was there when the run was planned: put it back or run again"),
    Reason.CRASH: Advice(Severity.PERMANENT, "the file kills its reader: re-save it (print to PDF) and run again"),
    Reason.TIMEOUT: Advice(
        Severity.RETRYABLE, "run the same command again, or raise page_timeout_s (answer_timeout_s for a model)"
    ),
    Reason.OUT_OF_MEMORY: Advice(Severity.RETRYABLE, "run again with fewer workers or more memory"),
    Reason.BLANK: Advice(Severity.PERMANENT, "nothing to do: there is nothing on the page"),
    Reason.OUT_OF_RANGE: Advice(Severity.PERMANENT, "nothing to do: the page is outside the range that was asked for"),
    Reason.MENDED_FILE: Advice(Severity.PERMANENT, "nothing to do: the damaged file was mended while it was read"),
    Reason.ASKED_TWICE: Advice(Severity.PERMANENT, "nothing to do: the second answer was sound"),
    Reason.ENGINE_FAILED: Advice(Severity.RETRYABLE, "run the same command again; `octoglot doctor` tests the engine"),
    Reason.ENGINE_REFUSED: Advice(Severity.PERMANENT, "read the message: the engine does not take this page as it is"),
    Reason.ANSWER_CUT: Advice(Severity.PERMANENT, "raise answer_tokens in octoglot.toml, then run the same command again"),
    Reason.ANSWER_INVALID: Advice(Severity.PERMANENT, "look at the page and its raw_answer in the view quarantine"),
    Reason.INTERNAL: Advice(Severity.RETRYABLE, "this is a fault of octoglot: report it with the message"),
}


def one_line(error: object, most: int = 300) -> str:
    """What an error says, on one line of at most `most` letters: libraries write whole pages."""
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


class OctoglotError(Exception):
    """The root of our errors: a message for people, an exit code and a next step."""

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Survive the trip between processes with message and next step."""
        return (type(self), (self.message, self.next_step))


class UsageError(OctoglotError):
    """The command was given something that it cannot use: exit code 2."""

    exit_code = 2


class RunError(OctoglotError):
    """The run itself failed, or had to stop: exit code 1."""


class EngineDied(Exception):
    """An engine's process is gone: the Worker that holds it must end too, so that another takes its place."""


class DocumentError(OctoglotError):
    """One document or page cannot be read or answered: becomes a ledger row, never stops a run."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message, ADVICE[reason].next_step)
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Survive the trip between processes with its reason."""
        return (type(self), (self.reason, self.message))
