import numpy as np
from crowds import load

TEST = load("common_list")


def rows_of(pairs, exchanges):
    account, item = np.array(sorted(pairs, key=lambda p: (p[1], p[0]))).T
    return {"account": account, "item": item, "exchanges": np.full(len(account), exchanges)}, np.ones(
        len(account), bool
    )


def test_twenty_members_who_all_send_the_same_five_texts_work_through_one_list():
    found = TEST.statistic(*rows_of([(m, 1 + k) for m in range(20) for k in range(5)], 10))
    assert found.value == "50 %"  # 5 of each member's 10 exchanges are any given other member's too
    assert found.silences == ("division", "load", "timing")
    assert found.log_e == 0


def test_members_who_each_share_one_text_with_one_other_do_not():
    assert TEST.statistic(*rows_of([(m, 1 + m // 2) for m in range(40)], 10)) is None
