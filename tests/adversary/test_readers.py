"""Nothing that a sender puts into his own request removes a row, crashes a reader, or stalls it.

Longer runs: STILLWATCH_ADVERSARY_ROUNDS=1000, or scripts/adversary_readers.py SECONDS.
"""

import os
import random

import pytest

from tests.adversary.reading import findings
from tests.adversary.senders import FORMS, RECORDS, shipped_log_of

ROUNDS = int(os.environ.get("STILLWATCH_ADVERSARY_ROUNDS", "3"))


@pytest.mark.issue(21)
@pytest.mark.parametrize("form", FORMS)
def test_no_row_is_lost_by_what_its_sender_wrote(tmp_path, form):
    rng = random.Random(f"21 {form}")
    found = [one for _ in range(ROUNDS) for one in findings(rng, form, tmp_path, rows=40)]
    assert found == []


@pytest.mark.issue(23)
@pytest.mark.parametrize("form", RECORDS)
def test_no_row_is_lost_in_what_shippers_make_of_it(tmp_path, form):
    rng = random.Random(f"23 {form}")
    found = [
        one for _ in range(ROUNDS) for one in findings(rng, form, tmp_path, rows=20, make=shipped_log_of)
    ]
    assert found == []
