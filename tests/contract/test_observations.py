"""The contract of observations is what `sketch` writes, and what signals are checked against."""

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.observations import OBSERVATIONS
from stillwatch.signals.registry import Card, indicator
from stillwatch.sketch.keys import Key
from stillwatch.sketch.observe import observe

SAID = {"measures": "a", "innocent": ("b",), "evaded_by": "c", "source": "d"}


@pytest.mark.issue(22)
def test_sketch_writes_exactly_the_columns_and_types_of_the_contract():
    rows = EXCHANGES.conform(
        pa.table(
            {
                "exchange_id": ["x"],
                "timestamp": pa.array([1_700_000_000_000_000], pa.timestamp("us", "UTC")),
                "account_id": ["a"],
                "model": ["m"],
                "prompt": ["say it again, please"],
            }
        )
    )
    (written,) = observe([rows], Key(master=bytes(32)))
    assert [(c.name, c.type) for c in OBSERVATIONS.columns] == [(f.name, f.type) for f in written.schema]


def declared(*reads: str, value=lambda t: t.client_ip):
    def of_mine(observations: ir.Table) -> ir.Value:
        return value(observations)

    return indicator(**SAID, reads=reads)(of_mine)


@pytest.mark.issue(22)
@pytest.mark.parametrize(
    ("reads", "told"),
    [
        (("observations.api_key_id",), "does not exist"),
        (("observations.client_id",), "did you mean `client_ip`"),
        (("logs.client_ip",), "tables that a signal may read"),
        (("client_ip",), "tables that a signal may read"),
        (("observations.prompt",), "text enters by sketch only"),
        (("observations.client_ip", "accounts.signup_ip"), "a signal reads one"),
        (("releases.model",), "an indicator reads observations or accounts"),
        ((), "declares no column"),
    ],
)
def test_a_signal_that_reads_what_the_contract_has_not_is_refused_when_it_is_declared(reads, told):
    with pytest.raises(TypeError, match=told):
        declared(*reads)


@pytest.mark.issue(22)
def test_an_indicator_that_uses_a_column_it_does_not_declare_or_gives_another_type_is_refused():
    with pytest.raises(TypeError, match="on the columns that it declares"):
        declared("observations.user_agent")
    with pytest.raises(TypeError, match="must be string or"):
        declared("observations.asn", value=lambda t: t.asn)
    assert declared("observations.client_ip").card.columns == ("client_ip",)


@pytest.mark.issue(22)
def test_a_group_test_is_checked_as_an_indicator_is():
    with pytest.raises(TypeError, match="does not exist"):
        Card(name="mine", null="n", reads=("observations.api_key_id",), **SAID)
