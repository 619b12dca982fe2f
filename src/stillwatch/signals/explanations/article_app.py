"""A program that sends each new article to the model for every installation."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_REPEATED, repeats, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, people
from stillwatch.simulate.population import DAY, HOUR, SECOND
from stillwatch.simulate.visits import instruct, moments, numbered, own_life


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Installations of one reader that summarises each new article of the feeds its owner follows.

    Drawn at random: 1 to 15 articles a day, 1 to 8 feeds of which an owner follows a part, minutes to
    hours until an installation fetches an article, a template in the prompt or the system prompt,
    articles of one to many paragraphs, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    give_program(rng, group)
    articles = count(rng, 1, 15) * setting.days
    appears = np.sort(setting.start + (rng.random(articles) * setting.days * DAY).astype(np.int64))
    feeds = count(rng, 1, 8)
    feed = rng.integers(0, feeds, articles)
    follows = rng.random((accounts, feeds)) < rng.uniform(0.3, 1.0)
    follows[np.arange(accounts), rng.integers(0, feeds, accounts)] = True
    gets = follows[:, feed] & (rng.random((accounts, articles)) < rng.uniform(0.6, 1.0))
    account, article = np.nonzero(gets)
    if rng.random() < 0.5:
        poll = float(rng.choice([5, 15, 30, 60])) * 60 * SECOND
        phase = rng.random(accounts) * poll
        at = (np.ceil((appears[article] - phase[account]) / poll) * poll + phase[account]).astype(np.int64)
    else:
        at = appears[article] + (rng.exponential(rng.uniform(0.05, 3.0), len(article)) * HOUR).astype(
            np.int64
        )
    rows = moments(account, at)
    items = numbered(rng, str(rng.choice(["para", "letter", "minutes", "product_item"])), article)
    instruct(rng, rows, items)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="installations of one program that sends each new article to the model",
    carries="three tenths or more of the account's exchanges have a text that other members sent too",
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="the same texts at the same time, even volumes, and a fixed order of accounts that fetch on a "
    "clock, and whatever the common text asks for, reasoning too",
    cannot="shared cards, conversations handed on",
    settled_by="the articles, which can be found where they were published",
    source="feed readers with summaries by an own key (FreshRSS, Inoreader and Obsidian extensions)",
    draw=draw,
)
def article_app(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members whose texts others sent too, else -1."""
    return where(repeats(traits, members) >= LEAST_SHARE_REPEATED)
