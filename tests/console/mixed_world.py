"""A world in which a class and a campaign share an address range, so that clustering puts them together."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STUDENTS = 200
DOMAIN = "uni-north.example"


def students(rng, start):
    """Two hundred students on one campus, with mail addresses of one domain and cards of their own, who signed up in
    one lesson and work on the four tasks of one sheet in three lessons of one week.
    """
    from stillwatch.simulate.crowds import crowd, setting
    from stillwatch.simulate.people import move_in, people, sign_up_between, words
    from stillwatch.simulate.population import DAY, HOUR, fresh, texts
    from stillwatch.simulate.visits import continue_as, sittings, through_list, volumes

    days = setting(rng, 14)
    days = type(days)(start=start, days=14, texts=days.texts)
    group = people(rng, STUDENTS, days, one_country=True)
    move_in(rng, group, gateways=1, share=1.0)
    group.email_domain = texts(STUDENTS, DOMAIN)
    sign_up_between(rng, group, start + 5 * DAY + 9 * HOUR, start + 5 * DAY + 11 * HOUR)
    group.signup_ip = group.ip.copy()
    group.agent, group.tls = (
        texts(STUDENTS, "Lab-Browser/7 (classroom 2)"),
        texts(STUDENTS, "t13d1516h2_class"),
    )
    group.card = fresh(rng, STUDENTS, "card", 12)
    tasks, lessons = words(rng, "assignment", 4), []
    for day in (5, 7, 9):
        begin = start + day * DAY + 11 * HOUR
        counts = volumes(rng, STUDENTS, 16.0, 18.0, sigma=0.3)
        rows = sittings(rng, group, counts, days, between=(begin, begin + 2 * HOUR))
        task = through_list(rng, rows, tasks, shuffled=0.0)
        note = words(rng, "student_note", len(rows))
        copied = rng.random(len(rows)) < 0.8
        opening = np.where(copied, task, task + "\n\n" + note).astype(object)
        lessons.append(continue_as(rng, group, rows, opening))
    return crowd(rng, group, days, lessons)


def build(out: Path, small_world) -> tuple[set[str], set[str]]:
    """Write the world; returns the accounts of the class and those of the campaign."""
    from stillwatch.simulate.crowds import tables

    small_world(
        out, {"accounts": 600, "exchanges": 4000, "campaign.accounts": 90, "campaign.exchanges": 5000}
    )
    rng = np.random.default_rng(7)
    start = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp() * 1e6)
    exchanges, accounts, _group = tables([students(rng, start)], rng, "s")
    class_of = set(accounts.column("account_id").to_pylist())
    truth = pq.read_table(out / "truth.parquet")
    planted = truth.filter(pc.is_valid(truth.column("campaign_id")))
    campaign = set(planted.column("account_id").to_pylist())
    address = exchanges.column("client_ip").to_pylist()[0]
    asn = exchanges.column("asn").to_pylist()[0]
    # Every sixth account of the campaign is used behind the campus range.
    guests = pa.array(sorted(campaign)[::6])
    for path in sorted((out / "exchanges").rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        is_guest = pc.is_in(table.column("account_id"), guests)
        for name, value in (("client_ip", address), ("asn", asn)):
            place = table.schema.get_field_index(name)
            field = table.schema.field(name)
            table = table.set_column(
                place, field, pc.if_else(is_guest, pa.scalar(value, field.type), table.column(name))
            )
        pq.write_table(table, path)
    schema = table.schema
    own = exchanges.select(schema.names).cast(schema)
    pq.write_table(own, out / "exchanges" / "date=2026-04-01" / "class.parquet")
    held = pq.read_table(out / "accounts.parquet")
    joined = pa.concat_tables([held, accounts.select(held.schema.names).cast(held.schema)])
    pq.write_table(joined, out / "accounts.parquet")
    return class_of, campaign
