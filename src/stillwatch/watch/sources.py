"""Where do new lines come from, and up to where have they been taken?

A source is asked for what comes after a position and gives lines with the position after them. The position
is kept by the caller together with what was made of the lines, so a crash between the two cannot lose or
double any.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from stillwatch.errors import InputError, MissingExtra, Problem, Unreachable, UsageError
from stillwatch.readers.container import kind_named, kind_of
from stillwatch.readers.discover import log_files
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.records import in_lines
from stillwatch.readers.tolerant import objects

Position = Mapping[str, Any]
MOST_TAKEN = 32 << 20  # bytes taken at once from one file: the rest waits in the file
ENDINGS = {
    "log": ".log",
    "json": ".jsonl",
}  # what is added to a name that does not say how its lines are read
LOG = logging.getLogger("stillwatch.watch")
AT_ONCE = 20_000  # messages taken at once from a stream, or fewer that have `MOST_TAKEN` bytes together
FETCH = 500  # messages asked for in one go
ANSWER_S = 10  # how long brokers may take to answer
CHUNK = 1 << 20
HEAD = 1024  # first bytes by which a file is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """New data of one kind: lines to be read, or a whole `file`; `position` holds after it.

    `waiting` bytes of a file, or `behind` messages of a stream, are known to be left. With `overlong` there
    are no lines: the next one, of number `first_line`, is longer than a line may be and is passed over.
    """

    name: str
    position: dict[str, Any]
    lines: bytes = b""
    file: Path | None = None
    first_line: int = 1
    waiting: int = 0
    behind: int = 0
    overlong: bool = False


class Source(Protocol):
    """What `watch` needs of a source."""

    def take(self, position: Position) -> Taken | None:
        """What comes next after `position`; None where there is nothing new. Raises `Unreachable`."""


class Folder:
    """Files in a folder, or one file: lines are taken as they are written, other files once they stop
    growing.

    Which files these are and what holds their records is what `scan` takes them for, by their contents: a log
    may have any name. A file is known by its inode, so one that is rotated away under another name is read to
    its end and not again; and by its first bytes, since inodes are used again and files are emptied and
    written anew.
    """

    def __init__(self, path: Path, without: Path | None = None, longest: int = LIMITS.line) -> None:
        """`without` is a folder whose files are none of the log's, though it may lie within `path`; a
        line has `longest` bytes at most.
        """
        if not path.exists():
            raise UsageError(Problem(fact=f"`{path}` does not exist", expected="a folder or file to follow"))
        self.path = path
        self._without = without.resolve() if without else None
        self._longest = longest
        self._sizes: dict[str, int] = {}
        # Where a line began, up to where it had no end, and a digest of the file's first bytes.
        self._unfinished: dict[str, tuple[int, int, str]] = {}
        self._passed_over: set[str] = set()

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        try:
            found = [file for file in log_files(self.path, self._without) if isinstance(file, Path)]
        except InputError as error:  # a table that is being written
            raise Unreachable(*error.problems) from error
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
            if (state.st_size, state.st_mtime_ns) == (at["bytes"], at.get("changed")) or not state.st_size:
                continue
            stable = self._sizes.get(key) == state.st_size
            self._sizes[key] = state.st_size
            if "head" in at or self._grows(file, stable and key not in position):
                taken = self._text(file, state, key, at)
                if taken is not None:
                    return taken
            elif stable and self._is_read(file):
                told = {"bytes": state.st_size, "lines": 0, "path": str(file), "changed": state.st_mtime_ns}
                return Taken(name=file.name, position={key: told}, file=file)
        return None

    def _grows(self, file: Path, stable: bool) -> bool:
        """Whether a file is of lines, which are taken one by one; not so a `stable` one of one value
        without a line's end.
        """
        if not in_lines(file, LIMITS):
            return False
        if not stable or file.stat().st_size > self._longest:
            return True
        raw = file.read_bytes()
        return b"\n" in raw or objects(raw) is None

    def _is_read(self, file: Path) -> bool:
        """Whether a file is of a kind that is read; of another one it is said once that it is passed over."""
        if kind_of(file) is not None:
            return True
        if str(file) not in self._passed_over:
            self._passed_over.add(str(file))
            LOG.warning("%s is passed over: neither text nor Parquet", file)
        return False

    def _text(self, file: Path, state: os.stat_result, key: str, at: dict[str, Any]) -> Taken | None:
        """The next whole lines of a file of text after `at`."""
        with file.open("rb") as stream:
            if state.st_size < at["bytes"] or ("head" in at and _head(stream, at["bytes"]) != at["head"]):
                at = {"bytes": 0, "lines": 0}  # begun again
            begin, number, lines, overlong = at["bytes"], at["lines"], b"", False
            ended = not at.get("overlong")
            if not ended:
                passed, ended = _to_line_end(stream, begin)
                begin, number = begin + passed, number + ended
            if ended:
                if self._is_unfinished(stream, key, begin):
                    return None
                stream.seek(begin)
                lines, overlong = _whole_lines(stream, self._longest)
                if not lines and not overlong:
                    known = stream.tell()
                    self._unfinished[key] = (begin, known, _head(stream, known))
            end = begin + (self._longest if overlong else len(lines))
            if end == at["bytes"]:
                return None
            after = {
                "bytes": end,
                "lines": number + lines.count(b"\n"),
                "path": str(file),
                "head": _head(stream, end),
            }
            after |= {"changed": state.st_mtime_ns} | ({"overlong": True} if overlong or not ended else {})
        return Taken(
            name=_named(file),
            position={key: after},
            lines=lines,
            first_line=number + 1,
            waiting=max(state.st_size - end, 0),
            overlong=overlong,
        )

    def _is_unfinished(self, stream: IO[bytes], key: str, begin: int) -> bool:
        """Whether the line that begins there had no end at the last look and has none now; only what is
        new is read.
        """
        first, known, head = self._unfinished.get(key, (-1, 0, ""))
        if first != begin or _head(stream, known) != head:
            return False
        passed, ended = _to_line_end(stream, known)
        known += passed
        self._unfinished[key] = (begin, known, _head(stream, known))
        return not ended and known - begin < self._longest


def _named(file: Path) -> str:
    """A name by which lines of a file are read as the file is."""
    kind = kind_of(file) or "log"
    return file.name if kind_named(file.name) == kind else file.name + ENDINGS.get(kind, ENDINGS["json"])


def _head(stream: IO[bytes], size: int) -> str:
    """A digest of the first of `size` bytes."""
    stream.seek(0)
    first = stream.read(min(HEAD, size))
    return hashlib.blake2b(first, digest_size=8).hexdigest() if first else ""


def _whole_lines(stream: IO[bytes], longest: int) -> tuple[bytes, bool]:
    """The next lines up to their last end, and whether the next line alone is longer than `longest` bytes.

    Where one line is longer than all that is taken at once, it is all of that line.
    """
    pieces = [stream.read(min(MOST_TAKEN, longest))]
    size, cut = len(pieces[0]), pieces[0].rfind(b"\n") + 1
    while not cut and size < longest and (more := stream.read(min(MOST_TAKEN, longest - size))):
        pieces.append(more)
        cut = size + more.rfind(b"\n") + 1 if b"\n" in more else 0
        size += len(more)
    return b"".join(pieces)[:cut], not cut and size >= longest


def _to_line_end(stream: IO[bytes], begin: int) -> tuple[int, bool]:
    """How many bytes after `begin` belong to the line that is there, and whether its end is among them."""
    stream.seek(begin)
    passed = 0
    while piece := stream.read(CHUNK):
        end = piece.find(b"\n") + 1
        if end:
            return passed + end, True
        passed += len(piece)
    return passed, False


@contextmanager
def answering(stream: str, *faults: type[Exception]) -> Iterator[None]:
    """Faults of a client, as one error that names the stream. A client's message holds addresses and no
    customer's text.
    """
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
    """A Redis stream, `redis://HOST:PORT/DB?stream=NAME`; the field `line`, `json` or the first one holds
    the record.
    """

    def __init__(self, url: str, name: str) -> None:
        try:
            import redis
        except ImportError as error:
            raise MissingExtra(
                Problem(fact="Redis needs a package", fix="pip install 'stillwatch[streams]'")
            ) from error
        self._client: Any = redis.Redis.from_url(url)
        self._fault, self.name = redis.RedisError, name

    def take(self, position: Position) -> Taken | None:
        """Entries after the last id."""
        with answering(f"Redis stream `{self.name}`", self._fault):
            return self._take(position)

    def _take(self, position: Position) -> Taken | None:
        last = position.get(self.name) or "-"
        lines: list[bytes] = []
        size = 0
        while len(lines) < AT_ONCE and size < MOST_TAKEN:
            entries = self._client.xrange(
                self.name, min=last if last == "-" else f"({last}", max="+", count=FETCH
            )
            if not entries:
                break
            for _number, fields in entries:
                value = fields.get(b"line", fields.get(b"json", next(iter(fields.values()))))
                lines.append(value.replace(b"\n", b" "))
                size += len(value)
            last = entries[-1][0].decode()
        if not lines:
            return None
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
                Problem(fact="NATS needs a package", fix="pip install 'stillwatch[streams]'")
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
            # An ordered reading that nobody else shares and that ends with this call: the position is kept
            # here.
            config = api.ConsumerConfig(
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=last + 1,
                ack_policy=api.AckPolicy.NONE,
                inactive_threshold=30,
            )
            asked = await stream.pull_subscribe("", stream=self.name, config=config)
            lines: list[bytes] = []
            at = last
            size = 0
            while at < end and len(lines) < AT_ONCE and size < MOST_TAKEN:
                try:
                    messages = await asked.fetch(min(FETCH, AT_ONCE - len(lines)), timeout=2)
                except TimeoutError:  # late, or deleted since
                    break
                lines += [(message.data or b"").replace(b"\n", b" ") for message in messages]
                size += sum(len(message.data or b"") for message in messages)
                at = messages[-1].metadata.sequence.stream
        finally:
            await client.close()
        if not lines:
            return None
        return Taken(
            name=f"{self.name}.jsonl",
            position={self.name: at},
            behind=max(end - at, 0),
            lines=b"".join(line + b"\n" for line in lines),
        )


class KafkaTopic:
    """A Kafka topic, `kafka://HOST:PORT?topic=NAME`; each message is one record. Offsets are kept here,
    not in Kafka.
    """

    def __init__(self, servers: str, topic: str) -> None:
        try:
            import confluent_kafka
        except ImportError as error:
            raise MissingExtra(
                Problem(fact="Kafka needs a package", fix="pip install 'stillwatch[streams]'")
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
        # A broker that has not answered yet is not a topic that has nothing: partitions say that they are at
        # their end.
        size = 0
        while unread and len(lines) < AT_ONCE and size < MOST_TAKEN and time.monotonic() < deadline:
            for message in self._consumer.consume(min(FETCH, AT_ONCE - len(lines)), timeout=0.2):
                if message.error() is None:
                    lines.append((message.value() or b"").replace(b"\n", b" "))
                    size += len(lines[-1])
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


def open_source(told: str, without: Path | None = None, longest: int = LIMITS.line) -> Source:
    """The source that a path or URL names; files under `without` are none of it, and a line of a file has
    `longest` bytes at most. Raises `UsageError` for one that names none.
    """
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
                expected="a folder or file, redis://HOST/0?stream=NAME, nats://HOST?stream=NAME, "
                "kafka://HOST?topic=NAME",
            )
        )
    return Folder(Path(os.path.expanduser(told)), without, longest)  # noqa: PTH111  the shell's own rule
