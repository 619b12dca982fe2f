"""Hypotheses about who directed a campaign: what names an organisation, and what must not."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from stillwatch.attribution import calendar
from stillwatch.attribution.grades import CREDIBILITY, PLANTED, RELIABILITY, believed
from stillwatch.attribution.knowledge import knowledge, read_knowledge
from stillwatch.attribution.match import overlap_chance
from stillwatch.attribution.seen import CampaignFacts, MemberValue
from stillwatch.attribution.weigh import assess, contradictions
from stillwatch.attribution.words import confidence, likelihood
from stillwatch.errors import InputError

pytestmark = pytest.mark.issue(27)

START = datetime(2026, 4, 1, tzinfo=UTC)
HARVEST = {"H1": 0.0, "H2": -40.0, "H3": -2.5, "H4": -3.0, "H5": -9.0}
RANGE, CARD, MAIL = "203.0.113.0/24", "card_1", "mail.example"


def seen(**changes):
    values = (
        MemberValue(kind="signup_address", value="203.0.113.7", members=9, others=0, network_class=""),
        MemberValue(kind="payment_fingerprint", value=CARD, members=30, others=0, network_class=""),
        MemberValue(kind="email_domain", value=MAIL, members=40, others=0, network_class=""),
    )
    facts = {
        "campaign": "C1",
        "kind": "harvest",
        "accounts": 100,
        "exchanges": 9000,
        "first": START,
        "last": START + timedelta(days=40),
        "q_value": 1e-6,
        "control_log10": 20.0,
        "log10": HARVEST,
        "capabilities": ("coding", "reasoning"),
        "values": values,
    }
    return CampaignFacts(**(facts | changes))


def item(source="register", grade="A1", **more):
    return {"source": source, "grade": grade, **more}


STRONG = {
    "name": "Alpha",
    "address_ranges": [item(values=[RANGE], use="own")],
    "payment_accounts": [item("processor", "B2", values=[CARD])],
    "capability_interests": [item("adverts", "C2", values=["coding", "reasoning"])],
}


def found(actor, *others, about=None, observations=()):
    return assess(
        about or seen(),
        knowledge({"actors": [actor, {"name": "Beta"}, *others], "observations": list(observations)}),
    )


def test_an_organisation_is_named_where_two_sources_carry_it_that_cannot_be_imitated():
    one = found(STRONG)
    assert (one.named, one.needed) == ("Alpha", ())
    assert (one.word, one.confidence) == ("likely", "moderate")  # without claim 4


def test_a_test_on_the_model_lifts_the_cap_on_words():
    one = found(STRONG | {"model_tests": [item("own test", "A1", verdict="supported", model="alpha-2")]})
    assert one.named == "Alpha"
    assert one.word == "almost certain"


@pytest.mark.parametrize(
    ("change", "need"),
    [
        (
            {"address_ranges": [item(values=[RANGE], use="shared")], "payment_accounts": []},
            "an imitator cannot make",
        ),
        ({"payment_accounts": [], "capability_interests": []}, "a second independent source"),
        (
            {
                "address_ranges": [item(values=[RANGE], use="own", grade="D4")],
                "payment_accounts": [item(values=[CARD], grade="E5")],
            },
            "cannot make",
        ),
        ({"kind": "reseller"}, "acts for customers"),
        ({"model_tests": [item("own test", "A1", verdict="refuted")]}, "does not find the answers"),
    ],
)
def test_without_its_tier_of_evidence_claim_5_is_refused_with_what_is_needed(change, need):
    one = found(STRONG | change)
    assert one.named == ""
    assert any(need in text for text in one.needed), one.needed


@pytest.mark.parametrize(
    "change", [{"kind": "relay"}, {"kind": "fleet"}, {"kind": "undetermined"}, {"control_basis": "not shown"}]
)
def test_claims_2_and_3_come_before_claim_5(change):
    assert found(STRONG, about=seen(**change)).named == ""


def test_what_one_source_says_is_bounded_however_much_it_says():
    everything = {
        "name": "Alpha",
        "address_ranges": [item("one", "B2", values=[RANGE], use="own")],
        "payment_accounts": [item("one", "B2", values=[CARD])],
        "earlier_campaigns": [item("one", "B2", indicators=[{"kind": "email_domain", "value": MAIL}])],
        "records": [item("one", "B2")],
    }
    one = found(everything)
    assert (
        sum(group.log10["own"] for group in one.groups)
        <= -np.log10((1 - believed("B2").probability) * PLANTED) + 1e-9
    )
    assert one.named == ""


def test_a_range_that_many_share_says_nothing_of_the_actor():
    proxy = MemberValue(kind="client_prefix", value=RANGE, members=90, others=800, network_class="")
    vpn = MemberValue(kind="client_prefix", value=RANGE, members=90, others=0, network_class="vpn")
    for value in (proxy, vpn):
        (group,) = found(
            {"name": "Alpha", "address_ranges": [item(values=[RANGE], use="own")]},
            about=seen(values=(value,)),
        ).groups
        assert abs(group.log10["own"]) < 0.02
    both = found(
        {"name": "Alpha", "address_ranges": [item(values=[RANGE], use="own")]},
        {"name": "Gamma", "kind": "vendor", "address_ranges": [item(values=["203.0.0.0/16"], use="own")]},
    )
    assert all(abs(group.log10["own"]) < 0.02 for group in both.groups)


def test_items_that_depend_on_each_other_share_one_ratio():
    once = found({"name": "Alpha", "address_ranges": [item("a", values=[RANGE], use="own")]})
    thrice = found(
        {"name": "Alpha", "address_ranges": [item(source, values=[RANGE], use="own") for source in "abc"]}
    )
    assert once.of_actor("Alpha") == pytest.approx(thrice.of_actor("Alpha"))
    assert len(thrice.groups[0].sharing) == 2


def test_traces_that_are_missing_depend_on_each_other():
    """Whoever hides one trace hides the others, so that the strongest counts alone."""
    hidden = {
        "name": "Alpha",
        "address_ranges": [item("a", values=["198.51.100.0/24"], use="own")],
        "payment_accounts": [item("b", "B2", values=["card_2"])],
        "earlier_campaigns": [
            item("c", "C2", indicators=[{"kind": "email_domain", "value": "other.example"}])
        ],
    }
    all_of_it = found(hidden)
    one_of_it = found({"name": "Alpha", "address_ranges": hidden["address_ranges"]})
    assert [group.name for group in all_of_it.groups] == ["missing traces"]
    assert len(all_of_it.groups[0].sharing) == 2
    assert all_of_it.of_actor("Alpha") == pytest.approx(one_of_it.of_actor("Alpha"))


def test_a_family_counts_once_whatever_its_outcomes():
    """One range of an actor is seen and another is not: the strongest item counts."""
    two = {
        "name": "Alpha",
        "address_ranges": [
            item("a", values=[RANGE], use="own"),
            item("b", values=["198.51.100.0/24"], use="own"),
        ],
    }
    (group,) = found(two).groups
    assert group.chosen.outcome == "fits"
    assert [one.outcome for one in group.sharing] == ["does not fit"]


def test_an_exit_in_an_actors_range_is_no_control():
    """A machine of the actor that strangers send through, a true registry entry and a forged record: nobody
    is named. A sign-up from that range with the same record is another matter.
    """
    framed = {
        "name": "Alpha",
        "address_ranges": [item("register", "A1", values=[RANGE], use="own")],
        "records": [item("leak", "C3")],
        "capability_interests": [item("adverts", "B2", values=["coding", "reasoning"])],
    }

    def shown(kind):
        """The assessment where members show one address of the range in that way."""
        one = MemberValue(kind=kind, value="203.0.113.7", members=9, others=0, network_class="")
        return found(framed, about=seen(values=(one,)))

    assert shown("client_address").named == ""
    assert shown("signup_address").named == "Alpha"
    assert shown("client_address").of_actor("Alpha") < shown("signup_address").of_actor("Alpha")


@pytest.mark.parametrize(("sought", "wanted", "least"), [(3, 3, 1.5), (2, 4, 1.0), (1, 7, 0.5), (4, 5, 2.0)])
def test_the_chance_that_interests_overlap_is_that_of_random_sets(sought, wanted, least):
    draws = np.argsort(np.random.default_rng(3).random((20_000, 7)), axis=1)[:, :sought]
    simulated = ((draws < wanted).sum(axis=1) >= least).mean()
    assert overlap_chance(sought, wanted, 7, least) == pytest.approx(simulated, abs=0.02)


def ratio(kind, about=None, observations=(), **more):
    """The log10 likelihood ratio of one item about an actor."""
    one = found({"name": "Alpha", kind: [item(**more)]}, about=about, observations=observations)
    (group,) = one.groups
    assert group.chosen.outcome == "fits"
    return group.log10["own"]


def test_an_item_that_states_much_says_little():
    """What fits most campaigns hardly tells one actor from another."""
    everything = ["coding", "reasoning", "agentic", "grading", "rewriting", "data_analysis"]
    assert ratio("capability_interests", values=["coding", "reasoning"]) > 0.15
    assert ratio("capability_interests", values=everything) < 0.02
    cards = [{"campaign": "C1", "kind": "card_countries", "values": ["CN", "SG"], **item("bank", "A1")}]
    many = ["CN", "US", "GB", "DE", "FR", "JP", "KR", "IN"]
    one, all_of_them = (
        ratio("card_countries", observations=cards, values=values) for values in (["CN"], many)
    )
    assert one > 0.3
    assert 0 <= all_of_them < 0.1


def test_a_release_speaks_for_an_actor_that_seldom_releases():
    monthly = [str(date(2024 + month // 12, month % 12 + 1, 3)) for month in range(36)]
    assert ratio("release_dates", values=monthly) < 0.02
    assert ratio("release_dates", values=["2020-05-01", "2026-07-01"]) > 0.2


def test_a_laboratory_may_work_through_a_reseller():
    """What is sold on by a reseller lessens the probability of a laboratory, and not as if it were excluded."""
    through = {"H1": -9.0, "H2": -6.0, "H3": 0.0, "H4": -9.0, "H5": -9.0}
    direct, mixed = (
        found(STRONG, about=seen(log10=log10, kind=kind))
        for log10, kind in ((HARVEST, "harvest"), (through, "mixed"))
    )
    prior = {
        name: next(h.prior for h in one.hypotheses if h.key == "actor: Alpha")
        for name, one in (("direct", direct), ("mixed", mixed))
    }
    assert prior["mixed"] < prior["direct"] < 20 * prior["mixed"]


def test_what_can_be_imitated_does_not_separate_an_actor_from_a_false_flag():
    soft = {
        "name": "Alpha",
        "toolchains": [item("a", values=["client-7"])],
        "capability_interests": [item("b", values=["coding", "reasoning"])],
        "card_countries": [item("c", values=["CN"])],
    }
    agent = (
        *seen().values,
        MemberValue(kind="user_agent", value="client-7/1", members=99, others=0, network_class=""),
    )
    cards = {"campaign": "C1", "kind": "card_countries", "values": ["CN"], **item("bank", "A2")}
    one = found(soft, about=seen(values=agent), observations=[cards])
    flag = next(h.probability for h in one.hypotheses if (h.kind, h.actor) == ("false flag", "Alpha"))
    assert one.named == ""
    assert one.of_actor("Alpha") < 10 * flag


def test_two_actors_with_hard_evidence_name_nobody():
    rival = {
        "name": "Gamma",
        "earlier_campaigns": [item("case", "A1", indicators=[{"kind": "email_domain", "value": MAIL}])],
    }
    one = found(STRONG, rival)
    assert one.named == ""
    assert any("Gamma" in text for text in one.needed)


@pytest.mark.parametrize(("grade", "name"), [("C3", ""), ("C4", "Alpha"), ("D3", "Alpha"), ("A6", "Alpha")])
def test_only_what_is_graded_c3_or_better_contradicts(grade, name):
    """Hard evidence about a rival, a test that refutes and another's claim to the range count by one rule."""
    rival = {"name": "Gamma", "earlier_campaigns": [
        item("case", grade, indicators=[{"kind": "email_domain", "value": MAIL}])
    ]}  # fmt: skip
    claim = {"name": "Gamma", "address_ranges": [item("tip", grade, values=[RANGE], use="rented")]}
    assert found(STRONG, rival).named == name
    assert found(STRONG, claim).named == name
    refuted = item("laboratory", grade, verdict="refuted", campaign="C1")
    stated = [
        text
        for text in found({**STRONG, "model_tests": [refuted]}).needed
        if text.startswith("an explanation of the test")
    ]
    assert bool(stated) == (name == "")


def test_both_scales_of_a_grade_count_and_agreeing_ones_keep_their_probability():
    """Pooled, a belief lies between those of its scales; rules on grades take the lower one."""
    for grade, probability in {"A1": 0.98, "B2": 0.90, "C3": 0.75, "D4": 0.50, "E5": 0.25}.items():
        assert believed(grade).probability == pytest.approx(probability)
        assert believed(grade).lowest == pytest.approx(probability)
    for letter, digit in (("B", "1"), ("A", "3"), ("C", "2"), ("D", "1")):
        low, high = sorted((RELIABILITY[letter], CREDIBILITY[digit]))
        one = believed(letter + digit)
        assert low < one.probability < high
        assert one.lowest == low
    assert not believed("A6").is_fair
    assert believed("C2").is_fair


def test_without_a_table_of_hypotheses_the_kind_stands_for_it():
    harvest, relay = (found(STRONG, about=seen(log10={}, kind=kind)) for kind in ("harvest", "relay"))
    assert harvest.named == "Alpha"
    assert relay.named == ""
    assert relay.of_actor("Alpha") < harvest.of_actor("Alpha")


def test_probabilities_add_up_and_ranks_follow_what_contradicts():
    one = found(STRONG)
    assert sum(h.probability for h in one.hypotheses) == pytest.approx(1.0)
    against = [h.log10_against for h, _rank in contradictions(one)]
    assert against == sorted(against)


def test_words_of_likelihood_and_confidence_are_the_directives():
    assert [likelihood(p) for p in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)] == [
        "almost no chance",
        "very unlikely",
        "unlikely",
        "roughly even chance",
        "likely",
        "very likely",
        "almost certain",
    ]
    assert [confidence(n, is_decided_by_one=False) for n in (1, 2, 3)] == ["low", "moderate", "high"]
    assert confidence(3, is_decided_by_one=True) == "low"


# ------------------------------------------------------------------------------------------ the calendar


def acts(zone, *, days=60, number=90, seed=1, at_work=0.9):
    rng = np.random.default_rng(seed)
    made = []
    while len(made) < number:
        at = START + timedelta(hours=float(rng.uniform(0, 24 * days)))
        local = at + timedelta(hours=zone)
        if (local.weekday() < 5 and 9 <= local.hour < 18) or rng.random() > at_work:
            made.append(at)
    return made


@pytest.mark.parametrize("zone", [-8.0, 0.0, 5.5, 8.0])
def test_a_time_zone_is_inferred_with_an_interval_that_holds_it(zone):
    hits = 0
    for seed in range(10):
        one = calendar.infer(acts(zone, seed=seed))
        assert one.zone is not None
        _best, low, high = one.zone
        hits += (zone - low) % 24 <= high - low
    assert hits >= 8
    assert one.week in ("Monday to Friday", None)


def test_a_program_that_acts_at_all_hours_shows_no_zone():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        one = calendar.infer([START + timedelta(hours=float(h)) for h in rng.uniform(0, 24 * 60, 90)])
        assert one.zone is None
        assert "all hours" in one.reason


def test_few_acts_and_one_burst_show_nothing():
    assert calendar.infer(acts(8, number=10)).zone is None
    burst = [START + timedelta(hours=10, seconds=n) for n in range(500)]
    assert calendar.infer(burst).acts == 1


def test_a_calendar_is_never_worth_much():
    one = found(
        {"name": "Alpha", "working_calendar": [item(time_zone="Asia/Shanghai")]},
        about=seen(acts=tuple(acts(8, number=400))),
    )
    (group,) = one.groups
    assert group.chosen.outcome == "fits"
    assert 0 < group.log10["own"] <= 0.7


def test_another_calendar_speaks_against_an_actor_but_contractors_are_possible():
    one = found(
        {"name": "Alpha", "working_calendar": [item(time_zone="America/New_York")]},
        about=seen(acts=tuple(acts(8, number=400))),
    )
    (group,) = one.groups
    assert group.chosen.outcome == "does not fit"
    assert -1.0 <= group.log10["own"] < -0.7


def test_holidays_are_compared_with_days_without_an_act():
    quiet = [at for at in acts(0, number=200) if at.date() != date(2026, 4, 15)]
    inside, without, low, high = calendar.infer(quiet).holiday([date(2026, 4, 15), date(2030, 1, 1)])
    assert (inside, without) == (1, 1)
    assert low < 1 <= high


# ------------------------------------------------------------------------------------------ the file


def test_a_file_is_read_alike_in_toml_yaml_and_json(tmp_path):
    content = {"actors": [{"name": "Alpha", "address_ranges": [item(values=[RANGE])]}]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    (tmp_path / "a.yaml").write_text(
        f"actors:\n- name: Alpha\n  address_ranges:\n  - {{source: register, grade: A1, values: [{RANGE}]}}\n"
    )
    (tmp_path / "a.toml").write_text(
        f'[[actors]]\nname = "Alpha"\n[[actors.address_ranges]]\nsource = "register"\ngrade = "A1"\nvalues = '
        f'["{RANGE}"]\n'
    )
    one, two, three = (read_knowledge(tmp_path / f"a.{ending}") for ending in ("json", "yaml", "toml"))
    assert one.actors == two.actors == three.actors


@pytest.mark.parametrize(
    ("actors", "said"),
    [
        ([], "names no actor"),
        ([{"kind": "lab"}], "has no `name`"),
        ([{"name": "A"}, {"name": "A"}], "twice"),
        ([{"name": "A", "adress_ranges": []}], "has no field `adress_ranges`"),
        ([{"name": "A", "address_ranges": [{"values": [RANGE], "grade": "A1"}]}], "has no `source`"),
        ([{"name": "A", "address_ranges": [item(values=[RANGE], grade="Z9")]}], "has the grade 'Z9'"),
        ([{"name": "A", "address_ranges": [item(values=["300.1.1.1"])]}], "holds '300.1.1.1'"),
        ([{"name": "A", "card_countries": [item(values=["Germany"])]}], "holds 'GERMANY'"),
        ([{"name": "A", "working_calendar": [item(time_zone="Mars/Base")]}], "has the time zone 'Mars/Base'"),
        ([{"name": "A", "statements": [item()]}], "has no `said`"),
        ([{"name": "A", "earlier_campaigns": [item()]}], "has no `indicators`"),
        ("text", "is str"),
    ],
)
def test_what_is_wrong_with_a_file_is_named_with_its_place(actors, said):
    with pytest.raises(InputError) as caught:
        knowledge({"actors": actors})
    assert said in str(caught.value)


def test_every_fault_of_a_file_is_named_at_once():
    with pytest.raises(InputError) as caught:
        knowledge({"actors": [{"name": "A", "records": [{"source": "x"}, {"grade": "A1"}]}]})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.toml", b"= 1"), ("a.json", b"{"), ("a.yaml", b"a: ["), ("a.txt", b""), ("a.json", b"\xff")],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError):
        read_knowledge(tmp_path / name)
