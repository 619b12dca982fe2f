"""Reads network addresses in the forms that logs use and returns them in canonical form."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.stats.arrays import Bools

KEPT = 1 << 16  # most cached texts: chosen
MAX_ADDRESS_LENGTH = 256  # most characters of an address with port and zone: chosen


@lru_cache(KEPT)
def address_in(text: str) -> str | None:
    """The address in `host`, `host:port`, `[host]:port`, or the first of a comma-separated list, in canonical
    form.

    An IPv4-mapped IPv6 address (`::ffff:1.2.3.4`) becomes the IPv4 address. None where there is no address
    (`-`, `unknown`, `unix:`, a host name, a masked address).
    """
    if len(text) > MAX_ADDRESS_LENGTH:
        text = text[:MAX_ADDRESS_LENGTH]
    value = text.partition(",")[0].strip().strip('"').removeprefix("for=").strip('"')
    if value.startswith("["):
        value = value[1:].partition("]")[0]
    elif value.count(":") == 1:
        value = value.rpartition(":")[0]
    elif value.count(":") == 0 and value.count(".") == 4:  # tcpdump's and Zeek's `1.2.3.4.443`
        value = value.rpartition(".")[0]
    try:
        found = ip_address(value.partition("%")[0].partition("/")[0])
    except ValueError:
        return None
    inner = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(inner or found)


def addresses(array: pa.Array) -> tuple[pa.Array, Bools]:
    """The strings as addresses in canonical form (null where there is none), and a mask of non-null strings
    without an address.
    """
    coded = array.dictionary_encode()
    several = [None if text is None else address_in(text) for text in coded.dictionary.to_pylist()]
    found = pa.array(several, pa.string()).take(coded.indices)
    bad = np.asarray(pc.and_(pc.is_null(found), pc.is_valid(array)))
    return found, bad
