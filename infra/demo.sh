#!/usr/bin/env bash
# The main job on the sample documents: two schemas and the broken files, then a table and the accuracy. $1: the folder of octoglot.
set -euo pipefail
bin=$(cd "${1:?usage: demo.sh BIN}" && pwd)
cd "$(dirname "$0")/.."
octoglot="$bin/octoglot"
broken=$(find sample_data/broken -type f | wc -l)

for schema in invoice receipt; do
    echo "== octoglot run sample_data/$schema --schema $schema --out results"
    "$octoglot" run "sample_data/$schema" --schema "$schema" --out results
done

echo "== octoglot run sample_data/broken --schema invoice --out results    ($broken files that cannot be read)"
code=0
"$octoglot" run sample_data/broken --schema invoice --out results || code=$?
quarantined=$("$octoglot" sql "SELECT count(*) AS n FROM quarantine WHERE source LIKE '%/sample_data/broken/%'" --out results --format csv | tail -1)
if [ "$code" != 3 ] || [ "$quarantined" != "$broken" ]; then
    echo "demo: expected exit code 3 and $broken quarantined files, got $code and $quarantined" >&2
    exit 1
fi

read -r -d '' question <<'SQL' || true
SELECT language AS lang, 'invoice' AS kind, seller_name, document_number, issue_date, currency, total, round(confidence, 2) AS conf
FROM invoice
UNION ALL
SELECT language, 'receipt', seller_name, document_number, issue_date, currency, total, round(confidence, 2)
FROM receipt
ORDER BY kind, lang, issue_date
SQL
echo "== octoglot sql \"$question\" --out results"
"$octoglot" sql "$question" --out results

echo "== octoglot sql \"SELECT source, stage, reason, next_step FROM quarantine\" --out results"
"$octoglot" sql "SELECT regexp_extract(source, '[^/]+$') AS file, stage, reason, next_step FROM quarantine" --out results

echo "== octoglot evaluate --truth sample_data/truth.jsonl --out results"
"$octoglot" evaluate --truth sample_data/truth.jsonl --out results

"$octoglot" sql "SELECT count(*) FILTER (status = 'ok') AS ok, count(*) FILTER (status = 'repaired') AS repaired, count(*) FILTER (status = 'skipped') AS skipped, count(*) FILTER (status = 'quarantined') AS quarantined, count(*) AS pages FROM pages" --out results
echo "Look next: $octoglot sql \"SELECT * FROM fields WHERE status = 'not_found'\" --out results"
