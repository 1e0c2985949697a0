"""Where things lie in a store, as paths relative to its root."""

SHARDS = "shards"
RUNS = "runs"
CACHE = "cache"
WORDS = f"{CACHE}/words"
ANSWERS = f"{CACHE}/answers"
SHARD_GLOB = "shards/*/*/*.parquet"


def shard(schema: str, run_id: str, index: int) -> str:
    """The one file that publishes a shard."""
    return f"{SHARDS}/schema={schema}/run={run_id}/shard-{index:05d}.parquet"


def run_record(run_id: str) -> str:
    """A run's settings, versions, plan and counts."""
    return f"{RUNS}/{run_id}.json"


def words(content_id: str, words_key: str, first: int, last: int) -> str:
    """The words of pages `first` to `last`; fanned out so that no folder grows too large."""
    return f"{WORDS}/{content_id[:2]}/{content_id}-{words_key}-{first:05d}-{last:05d}.json.gz"


def answers(content_id: str, answer_key: str, first: int, last: int) -> str:
    """The answers for pages `first` to `last`."""
    return f"{ANSWERS}/{content_id[:2]}/{content_id}-{answer_key}-{first:05d}-{last:05d}.json.gz"
