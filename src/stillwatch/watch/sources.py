"""Sources of a watch: files, Redis, NATS and Kafka.

`take` returns the data after a position and the new position. The caller commits the position together with
the results from the data, so that a crash neither loses nor duplicates lines.
"""

from __future__ import annotations

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
from stillwatch.readers.container import kind_named, kind_of, unrotated
from stillwatch.readers.discover import log_files
from stillwatch.readers.envelope import piece_of
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.open import codec_of
from stillwatch.readers.origin import Unpacked, content_of, head_of, opened, tail_of
from stillwatch.readers.records import in_lines
from stillwatch.readers.tolerant import objects

Position = Mapping[str, Any]
MOST_TAKEN = 32 << 20  # bytes of one batch, about: chosen; a longer single line is read whole
ENDINGS = {
    "log": ".log",
    "json": ".jsonl",
}  # suffix for a file whose name does not show how its lines are read, by kind
LOG = logging.getLogger("stillwatch.watch")  # logger of this module
AT_ONCE = 20_000  # most messages of one batch from a stream: chosen; `MOST_TAKEN` applies as well
FETCH = 500  # messages of one request to a broker: chosen
ANSWER_S = 10  # longest time in seconds for an answer of a broker: chosen
PIECES = 2048  # most lines that one record may be cut into: chosen
CHUNK = 1 << 20  # bytes of one read


@dataclass(frozen=True, slots=True, kw_only=True)
class NewData:
    """A batch of new data: `lines`, or a whole `file`; `position` is the position after it.

    `log` is the name of the log from which identifiers of rows without one are made, and `first_line` the
    number of its first line here; both are the same however the batches fall. `waiting` is the number of
    bytes left in the file, `behind` of messages left in the stream, as far as known. With `overlong` there
    are no lines: the line with number `first_line` exceeds the limit and is skipped.
    """

    name: str
    position: dict[str, Any]
    log: str = ""
    lines: bytes = b""
    file: Path | None = None
    first_line: int = 1
    waiting: int = 0
    behind: int = 0
    overlong: bool = False


class Source(Protocol):
    """Interface of a source."""

    def take(self, position: Position) -> NewData | None:
        """The next batch after `position`; None where there is none. Raises `Unreachable` where the source
        does not answer.
        """


class Folder:
    """The files of a folder, or one file. Lines are read as they are written, other files once they stop
    growing.

    Files and their formats are recognised by content, as in `scan`; a log may have any name. A file is
    identified by its inode, so a rotated file with a new name is read to its end and not twice. It is also
    identified by its first bytes, since inodes are reused and files are truncated and written again. A new
    file that begins with what was read of another one is its copy, possibly compressed: only the rest of it
    is read.
    """

    def __init__(self, path: Path, without: Path | None = None, longest: int = LIMITS.line) -> None:
        """`without` is a folder to ignore, which may lie inside `path`; `longest` is the longest line in
        bytes. Raises `UsageError` where `path` does not exist.
        """
        if not path.exists():
            raise UsageError(Problem(fact=f"`{path}` does not exist", expected="a folder or file to follow"))
        self.path = path
        self._without = without.resolve() if without else None
        self._longest = longest
        self._sizes: dict[str, int] = {}
        # For an unfinished line, by file: its start, the bytes read so far, and a digest of the file's head.
        self._unfinished: dict[str, tuple[int, int, str]] = {}
        self._passed_over: set[str] = set()

    def _files(self) -> list[Path]:
        """The log files of the folder, the one changed first at the front. Raises `Unreachable` where they
        cannot be listed.
        """
        if self.path.is_file():
            return [self.path]
        try:
            found = [file for file in log_files(self.path, self._without) if isinstance(file, Path)]
        except InputError as error:  # a table that is being written
            raise Unreachable(*error.problems) from error
        return sorted(found, key=lambda p: (p.stat().st_mtime_ns, str(p)))

    def take(self, position: Position) -> NewData | None:
        """The next lines of the oldest file with new data, or the next whole file; None without new data."""
        try:
            return self._take(position)
        except FileNotFoundError:  # renamed meanwhile; the next call finds it
            return None

    def _take(self, position: Position) -> NewData | None:
        """The next new lines or file; None where there are none."""
        for file in self._files():
            state = file.stat()
            key = f"{state.st_dev}:{state.st_ino}"
            at = dict(position.get(key) or {"bytes": 0, "lines": 0})
            seen = (at.get("size", at["bytes"]), at.get("changed"))
            if (state.st_size, state.st_mtime_ns) == seen or not state.st_size:
                continue
            stable = self._sizes.get(key) == state.st_size
            self._sizes[key] = state.st_size
            packed = codec_of(file) is not None
            whole = {"bytes": state.st_size, "lines": 0, "path": str(file), "changed": state.st_mtime_ns}
            copied = False
            if key not in position and (stable or not packed):
                content = _content_known(file, packed, position)
                if content:
                    return NewData(name=file.name, position={key: whole | {"content": content}})
                at = _read_of_copy(file, state.st_size, position) or at
                copied = "head" in at
            if "head" in at or self._grows(file, stable and key not in position):
                taken = self._text(file, state, key, at)
                if taken is not None:
                    return taken
                if copied or (packed and "size" not in at):
                    position_after = at | {
                        "path": str(file),
                        "size": state.st_size,
                        "changed": state.st_mtime_ns,
                    }
                    return NewData(name=file.name, position={key: position_after})
            elif stable and self._is_read(file):
                return NewData(
                    name=file.name, position={key: whole | {"content": content_of(file)}}, file=file
                )
        return None

    def _grows(self, file: Path, stable: bool) -> bool:
        """Whether a file is read line by line. False for files of other kinds, and for a `stable` file with a
        single JSON value and no line end.
        """
        if not in_lines(file, LIMITS):
            return False
        if not stable or file.stat().st_size > self._longest:
            return True
        raw = file.read_bytes()
        return b"\n" in raw or objects(raw) is None

    def _is_read(self, file: Path) -> bool:
        """Whether a file is of a known kind; logs one warning for a file of another kind."""
        if kind_of(file) is not None:
            return True
        if str(file) not in self._passed_over:
            self._passed_over.add(str(file))
            LOG.warning("%s is passed over: neither text nor Parquet", file)
        return False

    def _text(self, file: Path, state: os.stat_result, key: str, at: dict[str, Any]) -> NewData | None:
        """The next complete lines of a text file after the position `at`; None where there are none."""
        former: dict[str, Any] = {}
        with opened(file) as stream:
            shorter = state.st_size < at["bytes"] and not isinstance(stream, Unpacked)
            if shorter or ("head" in at and head_of(stream, at["bytes"]) != at["head"]):
                if "tail" in at:  # a copy of what was there may follow
                    former = {f"{key} {at['head']}": at}
                at = {"bytes": 0, "lines": 0}  # truncated or replaced: read from the start
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
                lines = lines[: _whole_records(lines, self._longest)]
                if not lines and not overlong:
                    known = stream.tell()
                    self._unfinished[key] = (begin, known, head_of(stream, known))
            end = begin + (self._longest if overlong else len(lines))
            if end == at["bytes"]:
                return None
            log = at.get("log") or unrotated(file.name)
            after = {
                "bytes": end,
                "lines": number + lines.count(b"\n"),
                "path": str(file),
                "log": log,
                "head": head_of(stream, end),
                "tail": tail_of(stream, end),
            }
            after |= {"changed": state.st_mtime_ns} | ({"overlong": True} if overlong or not ended else {})
        return NewData(
            name=_named(file),
            log=log,
            position=former | {key: after},
            lines=lines,
            first_line=number + 1,
            waiting=max(state.st_size - end, 0),
            overlong=overlong,
        )

    def _is_unfinished(self, stream: IO[bytes] | Unpacked, key: str, begin: int) -> bool:
        """Whether the line at byte `begin` had no end at the last look and still has none; only new bytes are
        read.
        """
        first, known, head = self._unfinished.get(key, (-1, 0, ""))
        if first != begin or head_of(stream, known) != head:
            return False
        passed, ended = _to_line_end(stream, known)
        known += passed
        self._unfinished[key] = (begin, known, head_of(stream, known))
        return not ended and known - begin < self._longest


def _entries(position: Position) -> list[dict[str, Any]]:
    """What a position says of files, those last of which most was read."""
    return sorted((one for one in position.values() if isinstance(one, dict)), key=lambda one: one["bytes"])


def _content_known(file: Path, packed: bool, position: Position) -> str:
    """The content of a new file where a file with the same one was taken as a whole; otherwise empty."""
    known = {one["content"] for one in _entries(position) if "content" in one}
    if not packed:
        known = {one for one in known if one.startswith(f"{file.stat().st_size} ")}
    return content if known and (content := content_of(file)) in known else ""


def _read_of_copy(file: Path, size: int, position: Position) -> dict[str, Any] | None:
    """What was read of the log of which a new file of `size` bytes is a copy; None where it is of none."""
    with opened(file) as stream:
        for one in reversed(_entries(position)):
            most = one["bytes"]
            if not most or "tail" not in one or (most > size and not isinstance(stream, Unpacked)):
                continue
            if head_of(stream, most) == one["head"] and tail_of(stream, most) == one["tail"]:
                return {name: value for name, value in one.items() if name not in ("size", "changed")}
    return None


def _named(file: Path) -> str:
    """The file's name, with a suffix where the name alone does not show the kind of the file."""
    kind = kind_of(file) or "log"
    return file.name if kind_named(file.name) == kind else file.name + ENDINGS.get(kind, ENDINGS["json"])


def _whole_lines(stream: IO[bytes] | Unpacked, longest: int) -> tuple[bytes, bool]:
    """The next complete lines, about `MOST_TAKEN` bytes or one longer line, and whether the next line is
    longer than `longest` bytes.
    """
    pieces = [stream.read(min(MOST_TAKEN, longest))]
    size, cut = len(pieces[0]), pieces[0].rfind(b"\n") + 1
    while not cut and size < longest and (more := stream.read(min(MOST_TAKEN, longest - size))):
        pieces.append(more)
        cut = size + more.rfind(b"\n") + 1 if b"\n" in more else 0
        size += len(more)
    return b"".join(pieces)[:cut], not cut and size >= longest


def _whole_records(lines: bytes, longest: int) -> int:
    """Number of bytes without lines at the end that hold pieces of a record of which more may follow; all
    where these lines exceed `longest` bytes.
    """
    end = cut = len(lines)
    for _line in range(PIECES):
        begin = lines.rfind(b"\n", 0, max(end - 1, 0)) + 1
        piece = piece_of(lines[begin:end].decode("utf-8", "replace"), LIMITS)
        if piece == "no":
            break
        if piece != "perhaps":
            cut = begin
        end = begin
        if piece == "beginning" or not end:
            break
    return cut if len(lines) - cut <= longest else len(lines)


def _to_line_end(stream: IO[bytes] | Unpacked, begin: int) -> tuple[int, bool]:
    """Number of bytes from `begin` to the end of the line, and whether a line end was found."""
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
    """Raise `Unreachable`, with the stream's name, for errors of the classes `faults` in the block. Messages
    of clients are shown, since they contain addresses but no customers' text.
    """
    try:
        yield
    except faults as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(
            Problem(
                fact=f"the {stream} does not answer", found=words, fix="is its server up, its name right?"
            )
        ) from error


async def _silent(_error: Exception) -> None:
    """Replaces the client's printing of tracebacks; `answering` reports the error."""


class RedisStream:
    """A Redis stream, `redis://HOST:PORT/DB?stream=NAME`. The record is in the field `line`, else `json`,
    else the first field. The constructor raises `MissingExtra` without the package `redis`.
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

    def take(self, position: Position) -> NewData | None:
        """The next entries after the id in `position`; None where there are none."""
        with answering(f"Redis stream `{self.name}`", self._fault):
            return self._take(position)

    def _take(self, position: Position) -> NewData | None:
        """The next new entries of the stream; None where there are none."""
        last, before = position.get(self.name) or "-", position.get(f"{self.name}/entries", 0)
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
        return NewData(
            name=f"{self.name}.jsonl",
            log=self.name,
            position={self.name: last, f"{self.name}/entries": before + len(lines)},
            lines=b"\n".join(lines) + b"\n",
            first_line=before + 1,
            behind=len(more),
        )


class NatsSubject:
    """A NATS JetStream stream, `nats://HOST:PORT?stream=NAME`; each message is one record. The constructor
    raises `MissingExtra` without the package `nats`.
    """

    def __init__(self, url: str, name: str) -> None:
        try:
            import nats
        except ImportError as error:
            raise MissingExtra(
                Problem(fact="NATS needs a package", fix="pip install 'stillwatch[streams]'")
            ) from error
        self._nats, self.url, self.name = nats, url, name

    def take(self, position: Position) -> NewData | None:
        """The next messages after the sequence number in `position`; None where there are none."""
        import asyncio

        with answering(f"JetStream stream `{self.name}`", self._nats.errors.Error, OSError):
            return asyncio.run(self._take(int(position.get(self.name) or 0)))

    async def _take(self, last: int) -> NewData | None:
        """The next new messages of the stream; None where there are none."""
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
            # A temporary consumer for this call only: the position is kept by the caller, not by the server.
            config = api.ConsumerConfig(
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=last + 1,
                ack_policy=api.AckPolicy.NONE,
                inactive_threshold=30,
            )
            subscription = await stream.pull_subscribe("", stream=self.name, config=config)
            lines: list[bytes] = []
            first = at = last
            size = 0
            while at < end and len(lines) < AT_ONCE and size < MOST_TAKEN:
                try:
                    messages = await subscription.fetch(min(FETCH, AT_ONCE - len(lines)), timeout=2)
                except TimeoutError:  # late, or deleted since
                    break
                first = first if lines else messages[0].metadata.sequence.stream
                lines += [(message.data or b"").replace(b"\n", b" ") for message in messages]
                size += sum(len(message.data or b"") for message in messages)
                at = messages[-1].metadata.sequence.stream
        finally:
            await client.close()
        if not lines:
            return None
        return NewData(
            name=f"{self.name}.jsonl",
            log=self.name,
            first_line=first,
            position={self.name: at},
            behind=max(end - at, 0),
            lines=b"".join(line + b"\n" for line in lines),
        )


class KafkaTopic:
    """A Kafka topic, `kafka://HOST:PORT?topic=NAME`; each message is one record. Offsets are kept by the
    caller, not in Kafka. The constructor raises `MissingExtra` without the package `confluent_kafka`.
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
                "log_level": 0,  # `answering` reports errors
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",  # where messages after the position have expired
            }
        )

    def take(self, position: Position) -> NewData | None:
        """The next messages of all partitions after the offsets in `position`; None where there are none."""
        with answering(f"Kafka topic `{self.topic}`", self._kafka.KafkaException):
            return self._take(position)

    def _take(self, position: Position) -> NewData | None:
        """The next new messages of the topic; None where there are none."""
        metadata = self._consumer.list_topics(self.topic, timeout=ANSWER_S).topics[self.topic]
        if metadata.error is not None:
            raise self._kafka.KafkaException(metadata.error)
        positions = {f"{self.topic}/{p}": position.get(f"{self.topic}/{p}", 0) for p in metadata.partitions}
        ends = [
            self._kafka.TopicPartition(
                self.topic, p, positions[f"{self.topic}/{p}"] or self._kafka.OFFSET_BEGINNING
            )
            for p in metadata.partitions
        ]
        self._consumer.assign(ends)
        lines: list[bytes] = []
        unread = set(metadata.partitions)
        deadline = time.monotonic() + ANSWER_S
        # An empty answer can mean a slow broker; a partition is finished after its end-of-partition event.
        size = 0
        while unread and len(lines) < AT_ONCE and size < MOST_TAKEN and time.monotonic() < deadline:
            for message in self._consumer.consume(min(FETCH, AT_ONCE - len(lines)), timeout=0.2):
                if message.error() is None:
                    lines.append((message.value() or b"").replace(b"\n", b" "))
                    size += len(lines[-1])
                    positions[f"{self.topic}/{message.partition()}"] = message.offset() + 1
                elif message.error().code() == self._kafka.KafkaError._PARTITION_EOF:  # noqa: SLF001  its public name
                    unread.discard(message.partition())
        if not lines:
            return None
        high = (
            self._consumer.get_watermark_offsets(self._kafka.TopicPartition(self.topic, p), timeout=ANSWER_S)[
                1
            ]
            - positions[f"{self.topic}/{p}"]
            for p in metadata.partitions
        )
        behind = sum(max(left, 0) for left in high)
        return NewData(
            name=f"{self.topic}.jsonl",
            log=self.topic,
            position=positions,
            lines=b"\n".join(lines) + b"\n",
            first_line=1 + sum(position.get(f"{self.topic}/{p}", 0) for p in metadata.partitions),
            behind=behind,
        )


def open_source(given: str, without: Path | None = None, longest: int = LIMITS.line) -> Source:
    """The source named by a path or URL. Files in the folder `without` are ignored; `longest` is the longest
    line of a file in bytes.

    Raises `UsageError` where the path does not exist or the URL is of no known kind, and `MissingExtra`
    where a stream's package is not installed.
    """
    parts = urlsplit(given)
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    if parts.scheme == "redis" and "stream" in options:
        return RedisStream(given.partition("?")[0], options["stream"])
    if parts.scheme == "nats" and "stream" in options:
        return NatsSubject(given.partition("?")[0], options["stream"])
    if parts.scheme == "kafka" and "topic" in options:
        return KafkaTopic(parts.netloc, options["topic"])
    if "://" in given:
        raise UsageError(
            Problem(
                fact="no source has this name",
                found=given,
                expected="a folder or file, redis://HOST/0?stream=NAME, nats://HOST?stream=NAME, "
                "kafka://HOST?topic=NAME",
            )
        )
    return Folder(Path(os.path.expanduser(given)), without, longest)  # noqa: PTH111  the shell's own rule
