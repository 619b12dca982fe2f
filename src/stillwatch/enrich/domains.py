"""Is a mail domain one that anybody may use once and drop?"""

from __future__ import annotations

from functools import cache

from stillwatch.enrich.lists import bundled_list


@cache
def disposable_domains() -> frozenset[str]:
    """The bundled list (`data/SOURCES.md`)."""
    table = bundled_list("disposable_domains")
    return frozenset(table["domain"].to_pylist())


def is_disposable(domain: str) -> bool:
    """Whether a domain, or one that it lies under, is listed."""
    parts = domain.strip().lower().rstrip(".").split(".")
    return any(".".join(parts[at:]) in disposable_domains() for at in range(len(parts) - 1))
