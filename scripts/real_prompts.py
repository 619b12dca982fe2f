"""Make a prompts file for `simulate --prompts` from public corpora: what honest users sent, and what was sent
to a teacher.

    python scripts/real_prompts.py CORPORA OUT.parquet

CORPORA holds one folder per corpus, as `COLUMNS` names them; absent ones are skipped and said so. The texts
are for evaluation only: several corpora may not be redistributed, and none of them is in this repository.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = {
    "honest": {
        "benign_sharegpt/conversations.parquet": "text",
        "benign_prompts_chat/prompts.parquet": "prompt",
        "benign_aider_chat/turns.parquet": "text",
        "benign_templated_nlp_jobs/prompts.parquet": "prompt",
    },
    "harvest": {
        "distill_reasoning_teacher/as_sent.parquet": "prompt",
        "distill_taskbench/user_requests.parquet": "user_request",
        "distill_alpaca/pairs.parquet": "instruction",
        "distill_codealpaca/pairs.parquet": "instruction",
        "distill_pandalm/judgements.parquet": "prompt_rendered",
    },
}
USERS = ("user", "human")
LONGEST = 8000


def texts(path: Path, column: str) -> list[str]:
    """Distinct texts of a column, of users' turns only where a role is given."""
    table = pq.read_table(path)
    rows = table.select([column, *(["role"] if "role" in table.column_names else [])]).to_pylist()
    found = (r[column] for r in rows if r.get("role", "user") in USERS)
    return list(dict.fromkeys(t[:LONGEST] for t in found if t and len(t.strip()) > 8))


def main() -> None:
    """Write the file and say what is in it."""
    corpora, out = Path(sys.argv[1]), Path(sys.argv[2])
    rows: dict[str, list[str]] = {"prompt": [], "class": []}
    for name, files in COLUMNS.items():
        for file, column in files.items():
            if not (corpora / file).exists():
                print(f"skipped, not there: {file}")
                continue
            found = texts(corpora / file, column)
            print(f"{name}: {len(found):,} of {file}")
            rows["prompt"] += found
            rows["class"] += [name] * len(found)
    pq.write_table(pa.table(rows), out, compression="zstd")


if __name__ == "__main__":
    main()
