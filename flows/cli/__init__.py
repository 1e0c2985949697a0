"""The command line: one file a subcommand, and the one place where errors become exit codes."""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from flows.cli import doctor, evaluate, plan, run, schemas, sql
from pipeline.errors import OctoglotError
from schemas.errors import SchemaError

app = typer.Typer(
    name="octoglot",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        print(f"octoglot {version('octoglot')}")
        raise typer.Exit


@app.callback()
def _octoglot(
    asked: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="say the version and end")] = False,
) -> None:
    """A folder of scans in, typed tables out."""


app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("sql")(sql.sql)
app.command("schemas")(schemas.schemas)
app.command("evaluate")(evaluate.evaluate_command)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """The entry point: runs the command and turns what goes wrong into one line and an exit code."""
    try:
        try:
            app()
        finally:
            print(end="", flush=True)
    except OctoglotError as error:
        _tell(error.message, error.next_step)
        sys.exit(error.exit_code)
    except SchemaError as error:
        _tell(str(error.args[0]), "see `octoglot schemas list`")
        sys.exit(2)
    except BrokenPipeError:
        _leave_quietly()
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # which typer makes exit code 1
            _leave_quietly()
        raise


def _leave_quietly() -> None:
    """The reader of our output has gone, as with `| head`: nothing to tell, and nobody to tell it to."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())  # what is still to be written is written there as Python ends
    sys.exit(0)


def _tell(message: str, next_step: str) -> None:
    print(f"octoglot: {message}" + (f" → {next_step}" if next_step else ""), file=sys.stderr)
