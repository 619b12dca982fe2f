"""Where do new lines come from, and up to where have they been taken?

A source is asked for what comes after a position and gives lines with the position after them. The position is kept by
the caller together with what was made of the lines, so a crash between the two cannot lose or double any.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from stillwatch.errors import MissingExtra, Problem, Unreachable, UsageError
from stillwatch.readers.limits import LIMITS

Position = Mapping[str, Any]
MOST = 32 << 20  # bytes taken at once from one file: the rest waits in the file
LINES = (".jsonl", ".ndjson", ".log")
WHOLE = (".parquet", ".csv", ".json", ".gz", ".zst", ".pb", ".binpb", ".otlp")
AT_ONCE = 20_000  # messages taken at once from a stream
FETCH = 500  # messages asked of JetStream in one go
ANSWER_S = 10  # how long brokers may take to answer
HEAD = 1024  # first bytes by which a file is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """New data of one kind: lines to be read, or a whole `file`; `position` holds after it.

    `waiting` bytes of a file, or `behind` messages of a stream, are known to be left. `lost` says why `first_line` is not among the lines.
    """

    name: str
    position: dict[str, Any]
    lines: bytes = b""
    file: Path | None = None
    first_line: int = 1
    waiting: int = 0
    behind: int = 0
    lost: str = ""


class Source(Protocol):
    """What `watch` needs of a source."""

    def take(self, position: Position) -> Taken | None:
        """What comes next after `position`; None where there is nothing new. Raises `Unreachable`."""


class Folder:
    """Files in a folder, or one file: text grows by whole lines, other files are taken once they stop growing.

    A file is known by its inode, so one that is rotated away under another name is read to its end and not again; and by
    its first bytes, since inodes are used again and files are emptied and written anew.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise UsageError(Problem(fact=f"`{path}` does not exist", expected="a folder or file to follow"))
        self.path = path
        self._sizes: dict[str, int] = {}

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        found = [p for p in self.path.rglob("*") if p.is_file() and not p.name.startswith(".")]
        return sorted(found, key=lambda p: (p.stat().st_mtime_ns, str(p)))

    def take(self, position: Position) -> Taken | None:
        """The next lines of the oldest file with any, or the next whole file."""
        try:
            return self._take(position)
        except FileNotFoundError:  # moved away between two looks: the next look sees where it is
            return None

    def _take(self, position: Position) -> Taken | None:
        for file in self._files():
            state = file.stat()
            key = f"{state.st_dev}:{state.st_ino}"
            at = dict(position.get(key) or {"bytes": 0, "lines": 0})
            name = file.name.lower()
            if name.endswith(WHOLE):
                stable = self._sizes.get(key) == state.st_size
                self._sizes[key] = state.st_size
                known = (at["bytes"], at.get("changed", state.st_mtime_ns))
                if known != (state.st_size, state.st_mtime_ns) and stable and state.st_size:
                    told = {
                        key: {
                            "bytes": state.st_size,
                            "lines": 0,
                            "path": str(file),
                            "changed": state.st_mtime_ns,
                        }
                    }
                    return Taken(name=file.name, position=told, file=file)
                continue
            if not (name.endswith(LINES) or key in position):
                continue
            if state.st_size == at["bytes"] and state.st_mtime_ns == at.get("changed"):
                continue
            with file.open("rb") as stream:
                if state.st_size < at["bytes"] or ("head" in at and _head(stream, at) != at["head"]):
                    at = {"bytes": 0, "lines": 0}  # begun again
                stream.seek(at["bytes"])
                cut = _rest_of_line(stream) if at.get("within") else None
                lines = _whole_lines(stream) if cut is None else b""
                if cut is None and not lines:
                    continue
                passed, ended = (len(lines), lines.count(b"\n")) if cut is None else cut
                lost = ""
                if cut is None and not ended:  # a line without an end yet that exceeds the limit already
                    lines, lost = b"", LIMITS.told("line", "line exceeds")
                after = {
                    "bytes": at["bytes"] + passed,
                    "lines": at["lines"] + ended,
                    "path": str(file),
                    "within": bool(lost) or (cut is not None and not ended),
                }
                if not passed:
                    continue
                after |= {"head": _head(stream, after), "changed": state.st_mtime_ns}
            told = {key: after}
            return Taken(
                name=file.name if name.endswith(LINES) else file.name + LINES[0],
                position=told,
                lines=lines,
                first_line=at["lines"] + 1,
                lost=lost,
                waiting=max(state.st_size - after["bytes"], 0),
            )
        return None


def _head(stream: IO[bytes], at: Mapping[str, Any]) -> str:
    """A digest of the first of those bytes that were taken."""
    stream.seek(0)
    first = stream.read(min(HEAD, at["bytes"]))
    return hashlib.blake2b(first, digest_size=8).hexdigest() if first else ""


def _whole_lines(stream: IO[bytes]) -> bytes:
    """The next lines up to their last end; where one line is longer than all that is taken at once, all of that line, and where it exceeds
    the limit of a line, its beginning.
    """
    pieces = [stream.read(MOST)]
    size, cut = len(pieces[0]), pieces[0].rfind(b"\n") + 1
    while not cut and (more := stream.read(MOST)):
        pieces.append(more)
        cut = size + more.rfind(b"\n") + 1 if b"\n" in more else 0
        size += len(more)
        if not cut and size > LIMITS.line:
            return b"".join(pieces)
    return b"".join(pieces)[:cut]


def _rest_of_line(stream: IO[bytes]) -> tuple[int, int]:
    """Bytes up to the end of the line that exceeds the limit, which are not kept, and whether it ends."""
    passed = 0
    while piece := stream.read(MOST):
        end = piece.find(b"\n") + 1
        if end:
            return passed + end, 1
        passed += len(piece)
    return passed, 0


@contextmanager
def answering(stream: str, *faults: type[Exception]) -> Iterator[None]:
    """Faults of a client, as one error that names the stream. A client's message holds addresses and no customer's text."""
    try:
        yield
    except faults as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(
            Problem(fact=f"the {stream} does not answer", found=told, fix="is its server up, its name right?")
        ) from error


async def _silent(_error: Exception) -> None:
    """The client's own printing of tracebacks; `answering` tells what happened."""


class RedisStream:
    """A Redis stream, `redis://HOST:PORT/DB?stream=NAME`; the field `line`, `json` or the first one holds the record."""

    def __init__(self, url: str, name: str) -> None:
        try:
            import redis
        except ImportError as error:
            raise MissingExtra(
                Problem(fact="Redis needs a package", fix="pip install 'stillwatch[redis]'")
            ) from error
        self._client: Any = redis.Redis.from_url(url)
        self._fault, self.name = redis.RedisError, name

    def take(self, position: Position) -> Taken | None:
        """Entries after the last id."""
        with answering(f"Redis stream `{self.name}`", self._fault):
            return self._take(position)

    def _take(self, position: Position) -> Taken | None:
        last = position.get(self.name) or "-"
        entries = self._client.xrange(
            self.name, min=last if last == "-" else f"({last}", max="+", count=AT_ONCE
        )
        if not entries:
            return None
        lines = []
        for _number, fields in entries:
            value = fields.get(b"line", fields.get(b"json", next(iter(fields.values()))))
            lines.append(value.replace(b"\n", b" "))
        last = entries[-1][0].decode()
        more = self._client.xrange(self.name, min=f"({last}", max="+", count=1)
        return Taken(
            name=f"{self.name}.jsonl",
            position={self.name: last},
            lines=b"\n".join(lines) + b"\n",
            behind=len(more),
        )


class NatsSubject:
    """A NATS JetStream stream, `nats://HOST:PORT?stream=NAME`; each message is one record."""

    def __init__(self, url: str, name: str) -> None:
        try:
            import nats
        except ImportError as error:
            raise MissingExtra(
                Problem(fact="NATS needs a package", fix="pip install 'stillwatch[nats]'")
            ) from error
        self._nats, self.url, self.name = nats, url, name

    def take(self, position: Position) -> Taken | None:
        """Messages after the last sequence number."""
        import asyncio

        with answering(f"JetStream stream `{self.name}`", self._nats.errors.Error, OSError):
            return asyncio.run(self._take(int(position.get(self.name) or 0)))

    async def _take(self, last: int) -> Taken | None:
        client: Any = await self._nats.connect(
            self.url,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.2,
            error_cb=_silent,
        )
        try:
            stream = client.jetstream()
            end = (await stream.stream_info(self.name)).state.last_seq
            if end <= last:
                return None
            api = self._nats.js.api
            # An ordered reading that nobody else shares and that ends with this call: the position is kept here.
            config = api.ConsumerConfig(
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=last + 1, ack_policy=api.AckPolicy.NONE,
                inactive_threshold=30,
            )  # fmt: skip
            asked = await stream.pull_subscribe("", stream=self.name, config=config)
            lines: list[bytes] = []
            at = last
            while at < end and len(lines) < AT_ONCE:
                try:
                    messages = await asked.fetch(min(FETCH, AT_ONCE - len(lines)), timeout=2)
                except TimeoutError:  # late, or deleted since
                    break
                lines += [(message.data or b"").replace(b"\n", b" ") for message in messages]
                at = messages[-1].metadata.sequence.stream
        finally:
            await client.close()
        if not lines:
            return None
        return Taken(
            name=f"{self.name}.jsonl", position={self.name: at}, behind=max(end - at, 0),
            lines=b"".join(line + b"\n" for line in lines),
        )  # fmt: skip


class KafkaTopic:
    """A Kafka topic, `kafka://HOST:PORT?topic=NAME`; each message is one record. Offsets are kept here, not in Kafka."""

    def __init__(self, servers: str, topic: str) -> None:
        try:
            import confluent_kafka
        except ImportError as error:
            raise MissingExtra(
                Problem(fact="Kafka needs a package", fix="pip install 'stillwatch[kafka]'")
            ) from error
        self._kafka, self.topic = confluent_kafka, topic
        self._consumer: Any = confluent_kafka.Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "stillwatch",
                "log_level": 0,  # what a fault means is told by `answering`
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",  # where messages after the position have expired
            }
        )

    def take(self, position: Position) -> Taken | None:
        """Messages of all partitions after their offsets."""
        with answering(f"Kafka topic `{self.topic}`", self._kafka.KafkaException):
            return self._take(position)

    def _take(self, position: Position) -> Taken | None:
        metadata = self._consumer.list_topics(self.topic, timeout=ANSWER_S).topics[self.topic]
        if metadata.error is not None:
            raise self._kafka.KafkaException(metadata.error)
        told = {f"{self.topic}/{p}": position.get(f"{self.topic}/{p}", 0) for p in metadata.partitions}
        ends = [
            self._kafka.TopicPartition(
                self.topic, p, told[f"{self.topic}/{p}"] or self._kafka.OFFSET_BEGINNING
            )
            for p in metadata.partitions
        ]
        self._consumer.assign(ends)
        lines: list[bytes] = []
        unread = set(metadata.partitions)
        deadline = time.monotonic() + ANSWER_S
        # A broker that has not answered yet is not a topic that has nothing: partitions say that they are at their end.
        while unread and len(lines) < AT_ONCE and time.monotonic() < deadline:
            for message in self._consumer.consume(AT_ONCE - len(lines), timeout=0.2):
                if message.error() is None:
                    lines.append((message.value() or b"").replace(b"\n", b" "))
                    told[f"{self.topic}/{message.partition()}"] = message.offset() + 1
                elif message.error().code() == self._kafka.KafkaError._PARTITION_EOF:  # noqa: SLF001  its public name
                    unread.discard(message.partition())
        if not lines:
            return None
        high = (
            self._consumer.get_watermark_offsets(self._kafka.TopicPartition(self.topic, p), timeout=ANSWER_S)[
                1
            ]
            - told[f"{self.topic}/{p}"]
            for p in metadata.partitions
        )
        behind = sum(max(left, 0) for left in high)
        return Taken(
            name=f"{self.topic}.jsonl", position=told, lines=b"\n".join(lines) + b"\n", behind=behind
        )


def open_source(told: str) -> Source:
    """The source that a path or URL names. Raises `UsageError` for one that names none."""
    parts = urlsplit(told)
    asked = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    if parts.scheme == "redis" and "stream" in asked:
        return RedisStream(told.partition("?")[0], asked["stream"])
    if parts.scheme == "nats" and "stream" in asked:
        return NatsSubject(told.partition("?")[0], asked["stream"])
    if parts.scheme == "kafka" and "topic" in asked:
        return KafkaTopic(parts.netloc, asked["topic"])
    if "://" in told:
        raise UsageError(
            Problem(
                fact="no source is named so",
                found=told,
                expected="a folder or file, redis://HOST/0?stream=NAME, nats://HOST?stream=NAME, kafka://HOST?topic=NAME",
            )
        )
    return Folder(Path(os.path.expanduser(told)))  # noqa: PTH111  the shell's own rule
