import pyarrow as pa
import pytest

from stillwatch.sketch.form import written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Write a story about a fox.", True),
        ("  What is 2 + 2?\n", True),
        ("write a story", False),
        ("Write a story", False),
        ("Sum these: 1, 2, 3", False),
        ("解释一下这段代码。", True),
        ('{"a": 1}', True),
        ("ok.", False),
        ("", None),
        (" \n", None),
        (None, None),
    ],
)
def test_a_text_is_written_out_or_typed_or_nothing(text, told):
    assert written(pa.array([text], pa.string())).to_pylist() == [told]


def test_rows_of_a_slice_are_its_own():
    texts = pa.array(["One.", "two", None, "Three."] * 5)
    assert written(texts.slice(3, 6)).to_pylist() == written(texts).to_pylist()[3:9]
