"""Recognises mail domains at which anybody can get an address."""

from __future__ import annotations

from functools import cache

from stillwatch.enrich.lists import bundled_list

PUBLIC_MAIL = frozenset(
    """
        126.com 163.com aol.com daum.net foxmail.com free.fr gmail.com gmx.com gmx.de gmx.net googlemail.com
        hotmail.com hotmail.fr icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru me.com
        msn.com naver.com orange.fr outlook.com proton.me protonmail.com qq.com rediffmail.com rocketmail.com
        sina.com t-online.de tutanota.com uol.com.br web.de yahoo.co.jp yahoo.com yandex.com yandex.ru
        ymail.com zoho.com
    """.split()
)
"""Domains of large mail providers at which anybody may have an address. Chosen by hand: those with many
millions of users.
"""


def is_open_to_all(domain: str) -> bool:
    """Whether anybody can get an address of a domain: it belongs to a large mail provider, or is
    disposable.
    """
    return domain.strip().lower().rstrip(".") in PUBLIC_MAIL or is_disposable(domain)


@cache
def disposable_domains() -> frozenset[str]:
    """The bundled list of disposable mail domains (`data/SOURCES.md`)."""
    table = bundled_list("disposable_domains")
    return frozenset(table["domain"].to_pylist())


def is_disposable(domain: str) -> bool:
    """Whether a domain, or a parent domain of it, is in the list of disposable domains."""
    parts = domain.strip().lower().rstrip(".").split(".")
    return any(".".join(parts[at:]) in disposable_domains() for at in range(len(parts) - 1))
