import pytest

from stillwatch.memory.identities import follow


def group(begin, end):
    return frozenset(f"a{n}" for n in range(begin, end))


def facts(accounts, exchanges=100):
    return {"accounts": len(accounts), "exchanges": exchanges, "kind": "harvest"}


def told(tracks, at, *groups):
    events = follow(tracks, [(facts(g, 10 * len(g)), g) for g in groups], at)
    return [(e["type"], e["campaign"]) for e in events], events


@pytest.mark.issue(5)
def test_a_campaign_keeps_its_name_while_it_grows_dies_and_returns():
    tracks = {}
    assert told(tracks, "1", group(0, 50))[0] == [("new", "W0001")]
    assert told(tracks, "2", group(0, 50))[0] == []
    assert told(tracks, "3", group(0, 80))[0] == [("grown", "W0001")]
    assert told(tracks, "4")[0] == [("ended", "W0001")]
    assert told(tracks, "5")[0] == []
    assert told(tracks, "6", group(40, 80))[0] == [("returned", "W0001")]


@pytest.mark.issue(5)
def test_two_that_become_one_and_one_that_becomes_two_say_so():
    tracks = {}
    told(tracks, "1", group(0, 50), group(100, 130))
    kinds, events = told(tracks, "2", group(0, 50) | group(100, 130))
    assert ("merged", "W0002") in kinds
    assert ("grown", "W0001") in kinds
    assert next(e for e in events if e["type"] == "merged")["into"] == "W0001"
    kinds, events = told(tracks, "3", group(0, 50), group(100, 130))
    assert [k for k in kinds if k[0] in ("new", "returned")]
    assert len({t for t in tracks if not tracks[t].ended}) == 2


@pytest.mark.issue(5)
def test_strangers_get_names_of_their_own():
    tracks = {}
    assert told(tracks, "1", group(0, 30), group(50, 80), group(90, 120))[0] == [
        ("new", "W0001"), ("new", "W0002"), ("new", "W0003"),
    ]  # fmt: skip
    assert told(tracks, "2", group(200, 230))[0][0] == ("new", "W0004")


@pytest.mark.issue(5)
def test_a_campaign_is_confirmed_once_and_what_is_unsure_begins_none():
    tracks = {}
    one, other = group(0, 50), group(60, 90)
    assert (
        follow(tracks, [(facts(one), one), (facts(other), other)], "1", unsure=[1])[0]["campaign"] == "W0001"
    )
    assert len(tracks) == 1
    sure = facts(one) | {"confirmed": True}
    assert [e["type"] for e in follow(tracks, [(sure, one)], "2", unsure=[0])] == ["confirmed"]
    assert follow(tracks, [(facts(one), one)], "3") == []
    (event,) = follow(tracks, [(facts(group(0, 80)), group(0, 80))], "4")
    assert (event["type"], event["confirmed"]) == ("grown", True)
    assert [e["type"] for e in follow(tracks, [(facts(group(200, 230)), group(200, 230))], "5")] == [
        "new",
        "ended",
    ]
