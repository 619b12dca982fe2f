"""Characters of no width change nothing that is kept of a text."""

import unicodedata
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.sketch.keys import Key
from stillwatch.sketch.observe import observe
from stillwatch.sketch.visible import visible
from tests.readers.logs import row

KEY = Key(master=bytes(range(32)))
TEXT = "Put the reasoning inside <thoughts> and the result after it. Proceed in small steps and justify all."


def test_every_character_of_format_or_control_that_is_no_white_space_is_taken_out():
    # Signs that are seen although they are of this category: marks of Arabic and other numbers, joiners of
    # hieroglyphs, and the anchors of annotations.
    seen = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    seen |= {*range(0x13430, 0x13440), *range(0xFFF9, 0xFFFC)}
    points = [
        point
        for point in range(0x110000)
        if unicodedata.category(chr(point)) in ("Cc", "Cf") and not chr(point).isspace()
    ]
    kept = visible(pa.array([f"a{chr(point)}b" for point in points])).to_pylist()
    assert {point for point, text in zip(points, kept, strict=True) if text != "ab"} <= seen


def test_what_can_be_seen_stays():
    texts = ["", None, "a b\tc\nd\r\n", "naïve e\u0301", "你好", "مرحبا", "🙂", "\u3000\u00a0"]
    assert visible(pa.array(texts, pa.large_string())).to_pylist() == texts


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u200d\u2060", "\u00ad", "\U000e0041", "\ufe0f", "\x01", "\u202e\u202c"]
)
def test_an_observation_of_a_text_with_hidden_characters_is_that_of_the_text(hidden):
    rows = [
        row(1) | {"timestamp": datetime(2026, 5, 1, 14, 2, tzinfo=UTC), "prompt": text, "system_prompt": text}
        for text in (TEXT, hidden.join(TEXT), hidden + TEXT + hidden)
    ]
    table = pa.Table.from_pylist(rows, EXCHANGES.arrow.remove_metadata())
    (kept,) = observe([table], KEY, 1)
    first, *others = kept.drop_columns(["exchange_key"]).to_pylist()
    assert first["phrases"]
    assert first["words"] > 10
    for other in others:
        assert other == first
