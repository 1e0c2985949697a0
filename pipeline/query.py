"""SQL over a store: the views that people ask, and a connection that can read the store and do nothing else."""

import glob
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from pipeline import layout
from pipeline.errors import UsageError
from schemas.base import Schema
from schemas.registry import view_names

MEMORY_LIMIT = "2GB"

WRITES = ("COPY", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "EXECUTE")
"""Words in the name of any step of a plan that does more than read."""

NEVER = "results are never changed by SQL"
OTHER_NAME = "one of them needs another schema_name, or a store of its own"

_ANSWER = '"the answer, a row as JSON"'
"""The answer as a table, where JSON is asked for: a name that no column has, for a column of that name would come alone."""

_LATEST = "row_number() OVER (PARTITION BY document_id ORDER BY extracted_at DESC, run_id DESC) = 1"

_VIEWS = """
CREATE OR REPLACE VIEW pages AS
SELECT document_id, source, schema, unnest(pages, recursive := true), run_id FROM store.latest;
CREATE OR REPLACE VIEW documents AS
SELECT document_id, source, schema, language, page_count, status, worst.stage AS stage, worst.reason AS reason,
       worst.message AS message, worst.next_step AS next_step, needs_review, review_reasons, engine, model, revision, prompt,
       tokens_in, tokens_out, seconds, attempt, run_id, extracted_at
FROM (SELECT *, list_filter(pages, lambda p: p.status = 'quarantined')[1] AS worst FROM store.latest);
CREATE OR REPLACE VIEW fields AS
SELECT *, false AS corrected FROM (SELECT document_id, source, schema, unnest(fields, recursive := true) FROM store.latest);
CREATE OR REPLACE VIEW quarantine AS
SELECT document_id, source, schema, page, stage, reason, message, next_step, run_id,
       list_filter(raw_answers, lambda raw: raw.page = page)[1].text AS raw_answer
FROM (SELECT document_id, source, schema, unnest(pages, recursive := true), run_id, raw_answers FROM store.latest)
WHERE status = 'quarantined';
CREATE OR REPLACE VIEW checks AS
SELECT document_id, source, schema, unnest(checks, recursive := true) FROM store.latest;
CREATE OR REPLACE VIEW conflicts AS
SELECT document_id, source, schema, unnest(conflicts, recursive := true) FROM store.latest;
"""

_RUN = {
    "run_id": "VARCHAR",
    "state": "VARCHAR",
    "schema": "VARCHAR",
    "started": "DOUBLE",
    "ended": "DOUBLE",
    "first_page_s": "DOUBLE",
    "documents": "MAP(VARCHAR, BIGINT)",
    "pages": "MAP(VARCHAR, BIGINT)",
}
_RUNS = """
CREATE OR REPLACE VIEW runs AS
SELECT run_id, state, schema, make_timestamp((started * 1e6)::BIGINT) AS started, ended - started AS seconds,
       first_page_s, documents, pages
FROM """


@dataclass(frozen=True)
class Answer:
    """What a query returned.

    Attributes:
        columns, types: names and DuckDB types of its columns.
        rows: its rows; one text of JSON each, where JSON was asked for.
        parquet: the whole as a Parquet file, where that was asked for.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    parquet: bytes = b""


@contextmanager
def connect(root: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the views of the store at `root`, locked so that it can read the store and nothing else.

    Raises:
        UsageError: there is no store.
    """
    folder = Path(root).absolute()
    if not (folder / layout.SHARDS).is_dir() and not (folder / layout.RUNS).is_dir():
        raise UsageError(f"there are no results in {root}", "octoglot run SOURCE --schema NAME --out FOLDER makes some")
    with duckdb.connect() as connection, TemporaryDirectory(prefix="octoglot-sql-", ignore_cleanup_errors=True) as spill:
        connection.execute("SET parquet_metadata_cache = true")
        connection.execute(f"SET temp_directory = {quoted(spill)}")
        try:
            try:
                _make_views(connection, folder)
            except duckdb.BinderException:  # the shards of an older octoglot may lack columns
                _make_views(connection, folder, " UNION ALL BY NAME FROM store.nothing")
        except duckdb.Error as error:
            raise UsageError(f"the results in {root} cannot be read: {_line(error)}", "was a shard changed by hand?") from error
        _lock(connection, folder)
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, sql: str, timeout_s: float = 300.0, form: str = "rows") -> Answer:
    """The answer to one SELECT (WITH, FROM-first, DESCRIBE and SUMMARIZE count as such), as `rows`, `json` or `parquet`.

    Raises:
        UsageError: it is something else, it is wrong, or it takes longer than `timeout_s`.
    """
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise UsageError(f"this SQL cannot be read: {_line(error)}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise UsageError("only one SELECT at a time is answered here", NEVER)
    timer = threading.Timer(timeout_s, connection.interrupt)
    timer.start()
    try:
        _refuse_writes(connection, sql)
        if form == "parquet":
            return Answer((), (), [], _parquet(connection.sql(sql).to_arrow_table()))
        found = connection.execute(
            f"SELECT to_json({_ANSWER})::VARCHAR FROM ({sql.strip().rstrip(';')}\n) AS {_ANSWER}" if form == "json" else sql
        )
        told = found.description or []
        return Answer(tuple(c[0] for c in told), tuple(str(c[1]) for c in told), found.fetchall())
    except duckdb.InterruptException as error:
        raise UsageError(f"the query took longer than {timeout_s:g} s and was stopped") from error
    except duckdb.PermissionException as error:
        raise UsageError(_line(error), "results only: SHOW TABLES lists the views") from error
    except duckdb.Error as error:
        raise UsageError(_line(error), "DESCRIBE a view to see its columns; SHOW TABLES lists the views") from error
    finally:
        timer.cancel()


def refuse_taken_views(root: str, schema: Schema) -> None:
    """Refuse a schema whose views would have the names of another's in the store at `root` (`a` with `b_c`, `a_b` with `c`).

    Raises:
        UsageError: names the view and the two schemas.
    """
    name, schemas = schema.schema_name, _schemas(Path(root))
    # Of two that have a view in common, the name of one begins with that of the other.
    near = [other for other in schemas if other != name and _begins(other, name)]
    if not near or name in schemas:
        return
    with connect(root) as connection:
        there = {row[0].lower(): row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    for view in view_names(schema):
        if view.lower() in there:
            owner = next(other for other in near if _begins(other, view))
            raise UsageError(_twice(there[view.lower()], owner, name), OTHER_NAME)


def quoted_name(name: str) -> str:
    """The name of a view or column as a query takes it: in quotes where SQL has the word for itself."""
    with duckdb.connect() as connection:
        taken = "SELECT count(*) FROM duckdb_keywords() WHERE keyword_name = lower(?) AND keyword_category <> 'unreserved'"
        ((number,),) = connection.execute(taken, [name]).fetchall()
    return f'"{name}"' if number else name


def quoted(text: str) -> str:
    """A text as SQL has it between quotes."""
    return "'" + text.replace("'", "''") + "'"


def _refuse_writes(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse a SELECT that does more than read.

    DuckDB lets the folder that may be read be written to as well, and a SELECT can write: `WITH x AS (COPY ...) SELECT`, or
    SQL that comes in as JSON. So the plan is asked for what it would do.
    """
    ((_, plan),) = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()
    steps = json.loads(plan)
    while steps:
        step = steps.pop()
        if any(word in step["name"].upper() for word in WRITES):
            raise UsageError(f"a query may only read, this one holds a {step['name']}", NEVER)
        steps += step["children"]


def _make_views(connection: duckdb.DuckDBPyConnection, folder: Path, padding: str = "") -> None:
    schemas = _schemas(folder)
    # What is not for people lies in a namespace of its own, so that SHOW TABLES does not list it.
    connection.execute("CREATE SCHEMA IF NOT EXISTS store")
    if padding or not schemas:
        from pipeline.arrow import common_schema  # pyarrow takes a while to load, and most stores do not need it here

        connection.register("empty", common_schema().empty_table())
        connection.execute("CREATE TABLE store.nothing AS FROM empty")
        connection.unregister("empty")
    owners: dict[str, str] = {}
    for name in schemas:
        _make_schema_views(connection, folder, name, padding, owners)
    parts = [f'SELECT * EXCLUDE (record) FROM store."{name}" QUALIFY {_LATEST}' for name in schemas]
    connection.execute(f"CREATE OR REPLACE VIEW store.latest AS {' UNION ALL BY NAME '.join(parts) or 'FROM store.nothing'}")
    connection.execute(_VIEWS)
    records = f"{glob.escape(str(folder))}/{layout.RUNS}/*.json"
    told = f"read_json({quoted(records)}, columns = {_RUN})"
    if not any((folder / layout.RUNS).glob("*.json")):
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in _RUN.items())
        told = f"(SELECT {columns} LIMIT 0)"
    connection.execute(_RUNS + told)


def _schemas(folder: Path) -> list[str]:
    """The names of the schemas that the store has results of."""
    names = sorted(path.name.partition("=")[2] for path in (folder / layout.SHARDS).glob("schema=*"))
    return [name for name in names if any((folder / layout.SHARDS / f"schema={name}").glob("*/*.parquet"))]


def _begins(one: str, other: str) -> bool:
    """Whether one of two names begins with the whole other, as those of a schema and of the views of its tables do."""
    short, long = sorted((f"{one}_".lower(), f"{other}_".lower()), key=len)
    return long.startswith(short)


def _twice(view: str, one: str, other: str) -> str:
    return f"the schemas {one} and {other} both have a view {view}"


def _make_schema_views(
    connection: duckdb.DuckDBPyConnection, folder: Path, name: str, padding: str, owners: dict[str, str]
) -> None:
    """The view of a schema, and one for each of its lists; they follow what the shards hold, so they need no schema class.

    `owners` says which schema has each view, by the view's name in small letters. Raises UsageError where another has one.
    """

    def free(view: str) -> str:
        if (owner := owners.setdefault(view.lower(), name)) != name:
            raise UsageError(_twice(view, owner, name), OTHER_NAME)
        return view

    shards = quoted(f"{glob.escape(str(folder))}/{layout.SHARDS}/schema={name}/*/*.parquet")
    connection.execute(
        f'CREATE OR REPLACE VIEW store."{name}" AS '
        f"FROM read_parquet({shards}, union_by_name = true, hive_partitioning = false){padding}"
    )
    connection.execute(f"""CREATE OR REPLACE VIEW "{free(name)}" AS
        SELECT document_id, source, language, page_count, status, engine, confidence, needs_review, review_reasons,
               0 AS corrected_fields, run_id, extracted_at, unnest(record)
        FROM (FROM store."{name}" WHERE status IN ('ok', 'repaired', 'partial') QUALIFY {_LATEST})""")
    columns = connection.execute(f'DESCRIBE "{name}"').fetchall()
    for column in [row[0] for row in columns if row[1].startswith("STRUCT(") and row[1].endswith("[]")]:
        connection.execute(f"""CREATE OR REPLACE VIEW "{free(f"{name}_{column}")}" AS
            SELECT document_id, source, line.page AS page, line_number AS line, line.* EXCLUDE (page)
            FROM (SELECT document_id, source, unnest("{column}") AS line, generate_subscripts("{column}", 1) AS line_number
                  FROM "{name}")""")


def _lock(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    # The second is the first where its name holds no character of a pattern.
    allowed = ", ".join(quoted(f"{name}/") for name in (str(folder), glob.escape(str(folder))))
    for setting in (
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        f"memory_limit = '{MEMORY_LIMIT}'",
        f"allowed_directories = [{allowed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _parquet(table: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _line(error: Exception) -> str:
    """The first line of what DuckDB says, without the drawing below it."""
    return str(error).strip().partition("\n")[0]
