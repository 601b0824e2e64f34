"""The Faust app of a worker, without agents."""

from __future__ import annotations

import logging
from pathlib import Path

import faust

from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.store import MAX_REQUEST
from streams.runtime_kafka.transport import App


def make_app(
    config: KafkaConfig, name: str, role: str = "", web_port: int | None = None
) -> faust.App:
    """An app of the group, or of that of a `role`; it serves web pages only on a `web_port`."""
    logging.getLogger("aiokafka").setLevel(logging.WARNING)  # it writes three lines a message
    folder = Path(config.data) / name
    folder.mkdir(parents=True, exist_ok=True)
    return App(
        f"{config.group}-{role}" if role else config.group,
        broker=";".join(f"kafka://{place}" for place in config.bootstrap.split(",")),
        datadir=str(folder),
        store="rocksdb://" if role else "memory://",
        web_enabled=web_port is not None,
        web_port=web_port,
        web_bind="127.0.0.1",
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=config.shards,
        producer_acks=-1,
        producer_linger=config.linger_ms / 1000,
        producer_max_request_size=MAX_REQUEST,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=config.session_s,
        broker_heartbeat_interval=max(0.3, config.session_s / 5),
        broker_commit_interval=config.commit_s,
        stream_wait_empty=False,
    )
