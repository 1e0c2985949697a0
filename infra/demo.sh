#!/usr/bin/env bash
# The main job on the sample documents: six schemas and the broken files, then what was read and how right it is. $1: the folder of octoglot.
set -euo pipefail
PATH="$(cd "${1:?usage: demo.sh BIN}" && pwd):$PATH"
cd "$(dirname "$0")/.."
out=results

show() { echo; echo "\$ $*"; }
# Errors are shown; the line that counts the rows is not.
sql() { { octoglot sql "$1" --out "$out" "${@:2}" 2>&1 >&3 | sed -E '/^[0-9,]+ rows?$/d' >&2; } 3>&1; }

for schema in invoice receipt bank_statement contract identity_document form; do
    show octoglot run "sample_data/$schema" --schema "$schema" --out "$out"
    octoglot run "sample_data/$schema" --schema "$schema" --out "$out"
done

broken=$(find sample_data/broken -type f | wc -l)
show octoglot run sample_data/broken --schema invoice --out "$out" "   # $broken files that cannot be read"
code=0
octoglot run sample_data/broken --schema invoice --out "$out" || code=$?
quarantined=$(sql "SELECT count(*) FROM quarantine WHERE source LIKE '$PWD/sample_data/broken/%'" --format csv | tail -1)
if [ "$code" != 3 ] || [ "$quarantined" != "$broken" ]; then
    echo "demo: expected exit code 3 and $broken quarantined files, got $code and $quarantined" >&2
    exit 1
fi

ask() { echo; echo "\$ octoglot sql \"$1\" --out $out"; sql "$1"; }

ask "
    SELECT kind, language, seller_name[:30] AS seller, document_number[:20] AS number, issue_date, currency AS cur, total
    FROM (SELECT 'invoice' AS kind, * FROM invoice UNION ALL BY NAME SELECT 'receipt' AS kind, * FROM receipt)
    ORDER BY kind, language, seller"

ask "
    SELECT s.language, s.bank_name[:30] AS bank, s.currency AS cur, s.opening_balance AS opening, count(t.amount) AS entries, sum(t.amount) AS moved,
           s.closing_balance AS closing
    FROM bank_statement AS s JOIN bank_statement_transactions AS t USING (document_id) GROUP BY ALL ORDER BY ALL"

ask "SELECT regexp_extract(source, '[^/]+\$') AS file, stage, reason, next_step FROM quarantine ORDER BY file"

show octoglot evaluate --truth sample_data/truth.jsonl --by language "   # every value against the truth"
octoglot evaluate --truth sample_data/truth.jsonl --by language --out "$out"

pages=$(sql "SELECT string_agg(n || ' ' || status, ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM pages GROUP BY status)" --format csv | tail -1)
echo "pages: ${pages//\"/} → $PWD/$out, in $SECONDS s"
review="SELECT parse_filename(source) AS file, language, total, confidence FROM invoice WHERE needs_review ORDER BY confidence"
echo "look next: source .venv/bin/activate; octoglot sql \"$review\" --out $out"
