"""librdkafka's mock cluster, which answers as told: for injecting errors of a broker.

Proves nothing about recovery of data; real brokers do that.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import confluent_kafka

PRODUCE, FETCH, METADATA = 0, 1, 3
"""Kinds of requests (Kafka's ApiKey)."""
UNAVAILABLE, NOT_LEADER, TIMED_OUT = 5, 6, 7
"""Kafka's error codes."""


class MockCluster:
    """One broker inside this process; `bootstrap` is where it listens."""

    def __init__(self, topics: dict[str, int]) -> None:
        self.lib = library()
        error = ctypes.create_string_buffer(512)
        self.handle = self.lib.rd_kafka_new(0, None, error, 512)
        assert self.handle, error.value
        self.cluster = self.lib.rd_kafka_mock_cluster_new(self.handle, 1)
        self.bootstrap = self.lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        for topic, partitions in topics.items():
            self.lib.rd_kafka_mock_topic_create(self.cluster, topic.encode(), partitions, 1)

    def fail(self, request: int, errors: Sequence[int]) -> None:
        """The next requests of a kind are answered with these errors, one each."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self.lib.rd_kafka_mock_push_request_errors_array(
            self.cluster, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), codes
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lib.rd_kafka_mock_cluster_destroy(self.cluster)
        self.lib.rd_kafka_destroy(self.handle)


def library() -> Any:
    """The library that the wheel of confluent-kafka brings."""
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    (path,) = folder.glob("librdkafka*")
    lib = ctypes.CDLL(str(path))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    lib.rd_kafka_new.restype = pointer
    lib.rd_kafka_mock_cluster_new.restype = pointer
    lib.rd_kafka_mock_cluster_new.argtypes = [pointer, ctypes.c_int]
    lib.rd_kafka_mock_cluster_bootstraps.restype = text
    lib.rd_kafka_mock_cluster_bootstraps.argtypes = [pointer]
    lib.rd_kafka_mock_topic_create.argtypes = [pointer, text, ctypes.c_int, ctypes.c_int]
    lib.rd_kafka_mock_push_request_errors_array.argtypes = [
        pointer,
        ctypes.c_int16,
        ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_int),
    ]
    lib.rd_kafka_mock_cluster_destroy.argtypes = [pointer]
    lib.rd_kafka_destroy.argtypes = [pointer]
    return lib
