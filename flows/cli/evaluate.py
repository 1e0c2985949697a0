"""`octoglot evaluate`: the results against what is known to be true."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.common import Format, Out, check_format, print_json, stderr
from pipeline.errors import UsageError
from schemas.registry import BUILT_IN, load_schema

REGRESSION = 4
"""The exit code where something got worse."""

By = Annotated[
    list[str] | None,
    typer.Option("--by", help="schema, language, field, doc_type or engine; repeatable; what there is several of unless told"),
]


def evaluate_command(
    truth: Annotated[Path, typer.Option("--truth", help="JSON lines: file, schema, language, fields, absent, boxes")],
    out: Out = "results",
    clean: Annotated[bool, typer.Option("--clean", help="only documents that the truth does not call unclean")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="list every value that is not right")] = False,
    schema: Annotated[list[str] | None, typer.Option("--schema", help="a schema of your own; repeatable")] = None,
    by: By = None,
    format: Format = "table",
    html: Annotated[Path | None, typer.Option("--html", help="write a page with plots and the worst documents")] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="documents shown on that page")] = 12,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="an earlier --format json; exit 4 on a regression")
    ] = None,
    tolerance: Annotated[float, typer.Option("--tolerance", min=0, max=1, help="how much a share may get worse")] = 0.01,
) -> None:
    """Compare the results with the truth: exact after normalisation, by schema, language and field.

    With --baseline, exits 4 where precision, recall, line-item F1, boxes or false values got worse by more than --tolerance and
    by more than one value of a group; --tolerance 0 allows nothing.
    """
    from flows.cli import evaluation as show  # scipy, which pairs rows, takes a while to load
    from pipeline.evaluate import GROUPS, choose, compare, evaluate, read_results, read_truth

    check_format(format, "table", "json")
    for group in by or ():
        if group not in GROUPS:
            raise UsageError(f"results are not told by {group!r}", f"choose from: {', '.join(GROUPS)}")
    before = _baseline(baseline)
    schemas = {model.schema_name: model for model in map(load_schema, [*BUILT_IN, *(schema or [])])}
    chosen = choose(read_truth(str(truth)), list(schemas), clean)
    results = read_results(out, chosen.truths, schemas)
    report = evaluate(zip(chosen.truths, results, strict=True), schemas, chosen.notes)
    told = report.as_dict()
    comparison = compare(told, before, tolerance) if baseline else None
    if html:
        from pipeline.evaluate.page import write_page

        write_page(html, report, truth=str(truth), out=out, worst=worst, comparison=comparison)
        stderr.print(f"the page is {html}")
    if format == "json":
        print_json([told | ({"comparison": asdict(comparison)} if comparison else {})])
    else:
        show.summary(report)
        show.groups(report, by)
        if failures:
            show.failures(report)
        if comparison:
            show.comparison(comparison)
    for note in (*report.notes, *(comparison.notes if comparison else ())):
        stderr.print(f"note: {note}")
    if comparison and comparison.regressions:
        stderr.print(f"octoglot: {show.regressed(comparison, baseline)}")
        raise typer.Exit(REGRESSION)


def _baseline(path: Path | None) -> Any:
    """What an earlier run wrote; read before anything else is done, so that a wrong name costs nothing."""
    if path is None:
        return None
    from pipeline.evaluate.baseline import BASELINE_IS, checked

    try:
        return checked(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"the baseline {path} cannot be read: {error.strerror}", BASELINE_IS) from error
    except ValueError as error:
        raise UsageError(f"the baseline {path} is not JSON", BASELINE_IS) from error
