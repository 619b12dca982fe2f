"""The texts that members sent most, by length, kind of request and number of senders; their words only
where the scan kept them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stillwatch.report import wording
from stillwatch.report.reading import ResultTables

LANGUAGES = {
    "ar": "Arabic",
    "bn": "Bengali",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""Names of ISO 639-1 codes; another code is shown as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A text, or a shape that many texts have.

    `share` is its part of the campaign's exchanges. `words` and `language` are None where the scan did not
    keep the text.
    """

    title: str
    what: str
    accounts: int
    exchanges: int
    share: float
    first_seen: datetime
    last_seen: datetime
    language: str | None
    words: str | None


def sent(
    results: ResultTables, campaign: str, exchanges: int
) -> tuple[Sequence[Sent], Sequence[Sent]] | None:
    """Texts that several members sent word for word, and the most frequent shapes of texts; None where the
    scan wrote neither.
    """
    rows = results.rows("texts", campaign)
    if rows is None:
        return None
    said = {row["rank"]: row for row in results.rows("prompts", campaign) or () if row["rank"] is not None}
    texts: list[Sent] = []
    shapes: list[Sent] = []
    for row in sorted(rows, key=lambda row: row["rank"]):
        example = said.get(row["rank"])
        is_text = row["texts"] == 1
        same = row["words_low"] == row["words_high"]
        one = Sent(
            title=f"text {len(texts) + 1}" if is_text else wording.spaced(row["capability"]),
            what=wording.counted(row["words_low"], "word")
            if same
            else f"{wording.count(row['words_low'])} to {wording.counted(row['words_high'], 'word')}",
            accounts=row["accounts"],
            exchanges=row["exchanges"],
            share=row["exchanges"] / exchanges if exchanges else 0.0,
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            language=LANGUAGES.get(example["language"], example["language"]) if example else None,
            words=example["prompt"] if example else None,
        )
        (texts if is_text else shapes).append(one)
    return texts, shapes
