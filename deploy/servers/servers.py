#!/usr/bin/env python3
"""Real Kafka, Pulsar and PostgreSQL on loopback, without root and without Docker.

`servers.py kafka postgres` downloads what is missing with Maven, starts the servers on free ports
with their data in a temporary directory, prints one line of JSON when all answer, and stops them
on Ctrl-C, SIGTERM, or when its standard input, if that is a pipe, is closed. With `--data DIR` the
data and the ports stay: the next start with the same folder goes on where this one ended.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / "build" / "servers"
NAMES = ("kafka", "pulsar", "postgres")
START_S, STOP_S = 90, 20
UNPRIVILEGED = "nobody"

KAFKA = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{second}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{second}
log.dirs={folder}/log
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
message.max.bytes=16777216
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.replication.factor=1
"""
PULSAR = """\
clusterName=standalone
brokerServicePort={port}
webServicePort={second}
bindAddress=127.0.0.1
advertisedAddress=127.0.0.1
brokerDeduplicationEnabled=true
maxMessageSize=16777216
nettyMaxFrameSizeBytes=17825792
allowAutoTopicCreationType=non-partitioned
managedLedgerDefaultEnsembleSize=1
managedLedgerDefaultWriteQuorum=1
managedLedgerDefaultAckQuorum=1
defaultNumberOfNamespaceBundles=4
loadBalancerEnabled=false
journalMaxGroupWaitMSec=1
metadataStoreUrl=
configurationMetadataStoreUrl=
webSocketServiceEnabled=false
"""
SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A server of a test or a trial lives for minutes and shares its cores with what is tried: without
the optimising compiler and a parallel collector Kafka starts in half the processor time, and takes
5.4 s of it for `kafka.order_to_decision` where it took 9.7 (`processor_ms_broker`)."""
OPENED = (
    "java.base/java.lang java.base/java.nio java.base/sun.net java.base/jdk.internal.loader "
    "java.base/jdk.internal.platform java.base/java.util.zip java.base/sun.nio.ch "
    "java.management/sun.management jdk.management/com.sun.management.internal"
).split()
LOGGING = """\
<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/>
</Console></Appenders><Loggers><Root level="info"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


class ServerError(Exception):
    """A server that cannot be had; the message says what to do."""


class Server:
    """One server process and its folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.port, self.second = 0, 0
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_ports()
        command, is_ready = STARTERS[self.name](self)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                start_new_session=True, **owner(self.name),
            )  # fmt: skip
        until = time.monotonic() + START_S
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise ServerError(f"{self.name} did not start; its log is {self.log}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends our own process, gently and then not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGINT if self.name == "postgres" else signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def facts(self) -> dict[str, Any]:
        """How to reach it, and which process it is."""
        pid = self.process.pid if self.process else 0
        known = {"pid": pid, "port": self.port, "folder": str(self.folder), "log": str(self.log)}
        if self.name == "kafka":
            return {**known, "url": f"127.0.0.1:{self.port}"}
        if self.name == "pulsar":
            admin = f"http://127.0.0.1:{self.second}"
            return {**known, "url": f"pulsar://127.0.0.1:{self.port}", "admin_url": admin}
        return {**known, "url": f"postgresql://sor@127.0.0.1:{self.port}/postgres"}

    def _take_ports(self) -> None:
        """The ports of the last start in this folder, else free ones."""
        kept = self.folder / "ports.json"
        if kept.exists():
            self.port, self.second = json.loads(kept.read_text())
            return
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            self.port, self.second = one.getsockname()[1], two.getsockname()[1]
        kept.write_text(json.dumps([self.port, self.second]))


Ready = Callable[[], bool]


def kafka(server: Server) -> tuple[list[str], Ready]:
    """A single broker that is its own controller (KRaft)."""
    java = [tool("java"), "-Xms256m", "-Xmx512m", *SHORT_LIVED, *logging(server)]
    java += ["-cp", classpath("kafka")]
    properties = server.folder / "server.properties"
    folder, is_new = server.folder, not properties.exists()
    properties.write_text(KAFKA.format(port=server.port, second=server.second, folder=folder))
    if is_new:
        cluster = ["-t", "dmVudWVmb2xkLXRlc3RzMQ", "-c", str(properties)]
        quietly([*java, "kafka.tools.StorageTool", "format", *cluster], server.log)
    return [*java, "kafka.Kafka", str(properties)], answers(server, "Kafka Server started")


def pulsar(server: Server) -> tuple[list[str], Ready]:
    """A standalone broker with its bookie; deduplication is on."""
    opened = [f"--add-opens={module}=ALL-UNNAMED" for module in OPENED]
    settings = server.folder / "standalone.conf"
    settings.write_text(PULSAR.format(port=server.port, second=server.second))
    flags = ["--no-functions-worker", "--no-stream-storage", "--config", str(settings)]
    places = ["--metadata-dir", str(server.folder / "metadata")]
    places += ["--bookkeeper-dir", str(server.folder / "bookkeeper"), "--bookkeeper-port", "0"]
    java = [tool("java"), "-Xms256m", "-Xmx768m", "-XX:MaxDirectMemorySize=512m", *opened]
    java += ["-Dio.netty.tryReflectionSetAccessible=true", *logging(server)]
    java += ["-cp", classpath("pulsar"), "org.apache.pulsar.PulsarStandaloneStarter"]

    def is_ready() -> bool:
        try:
            url = f"http://127.0.0.1:{server.second}/admin/v2/namespaces/public/default"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError):
            return False

    return [*java, *flags, *places], is_ready


def postgres(server: Server) -> tuple[list[str], Ready]:
    """One cluster, superuser `sor`, trusted on loopback only."""
    jars = sorted((CACHE / "postgres" / "lib").glob("*.jar"))
    programs, data = server.folder / "pgsql", server.folder / "data"
    if not programs.exists():
        with zipfile.ZipFile(jars[0]) as jar:
            name = next(entry for entry in jar.namelist() if entry.endswith(".txz"))
            with jar.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as whole:
                whole.extractall(programs, filter="data")
    if os.geteuid() == 0:
        give_away(server.folder)
    if not data.exists():
        how = ["-U", "sor", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        make = [str(programs / "bin" / "initdb"), "-D", str(data), *how]
        quietly(make, server.log, cwd=server.folder, **owner("postgres"))
    where = ["-h", "127.0.0.1", "-p", str(server.port), "-k", ""]

    def is_ready() -> bool:
        # The eighth line of this file is what pg_ctl waits for.
        note = data / "postmaster.pid"
        lines = note.read_text().splitlines() if note.exists() else []
        mine = bool(lines) and server.process is not None and lines[0] == str(server.process.pid)
        return mine and len(lines) > 7 and lines[7].strip() == "ready"

    return [str(programs / "bin" / "postgres"), "-D", str(data), *where], is_ready


STARTERS: dict[str, Callable[[Server], tuple[list[str], Ready]]] = {
    "kafka": kafka,
    "pulsar": pulsar,
    "postgres": postgres,
}


def owner(name: str) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: an unprivileged user runs it there."""
    if name != "postgres" or os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def give_away(folder: Path) -> None:
    """Lets the unprivileged user own a folder and everything in it."""
    user = pwd.getpwnam(UNPRIVILEGED)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def answers(server: Server, line: str) -> Ready:
    """Whether the log has said `line` since now."""
    start = server.log.stat().st_size if server.log.exists() else 0

    def is_ready() -> bool:
        with server.log.open("rb") as log:
            log.seek(start)
            return line.encode() in log.read()

    return is_ready


def logging(server: Server) -> list[str]:
    """Java options that log to the console."""
    config = server.folder / "log4j2.xml"
    config.write_text(LOGGING)
    return [f"-Dlog4j2.configurationFile={config}", "-Dpulsar.log.root.level=info"]


def classpath(name: str) -> str:
    """Every jar of a server."""
    return str(CACHE / name / "lib" / "*")


def quietly(command: list[str], log: Path, **options: Any) -> None:
    """Runs a command into the log; ServerError when it fails."""
    with log.open("ab") as out:
        done = subprocess.run(command, stdout=out, stderr=out, check=False, **options)
    if done.returncode:
        raise ServerError(f"{command[0]} failed; its log is {log}")


def tool(name: str) -> str:
    """Path of a program that this machine must have."""
    found = shutil.which(name)
    if found is None:
        raise ServerError(f"needs {name} on the path: install a JDK 17 or newer and Maven")
    return found


def download(name: str) -> None:
    """Brings a server's jars from the Maven repository, once."""
    target, done = CACHE / name / "lib", CACHE / name / "complete"
    pom = HERE / name / "pom.xml"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists() and done.read_text() == pom.read_text():
            return
        print(f"servers: downloading {name}", file=sys.stderr, flush=True)
        shutil.rmtree(target, ignore_errors=True)
        command = [tool("mvn"), "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
        ran = subprocess.run(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if ran.returncode or not any(target.glob("*.jar")):
            said = ran.stdout.decode(errors="replace").strip().splitlines()
            last = next((line for line in said if "ERROR" in line), "no message")
            raise ServerError(f"Maven could not bring {name}: {last[:300]}; is it online?")
        done.write_text(pom.read_text())


def serve(names: list[str], base: Path) -> None:
    """Starts all, reports, and waits until told to end; stops all whatever happens."""
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    servers = [Server(name, base / name) for name in names]
    try:
        for server in servers:
            download(server.name)
        for server in servers:
            server.start()
        print(json.dumps({server.name: server.facts() for server in servers}), flush=True)
        if not sys.stdin.isatty():
            threading.Thread(target=watch, args=(end,), daemon=True).start()
        end.wait()
    finally:
        for server in reversed(servers):
            server.stop()


def watch(end: threading.Event) -> None:
    """Ends when whoever started us has closed our input, or is gone."""
    sys.stdin.read()
    end.set()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Kafka, Pulsar and PostgreSQL on loopback")
    parser.add_argument("names", nargs="*", metavar="SERVER", help="kafka, pulsar, postgres")
    parser.add_argument("--data", type=Path, help="keep data, ports and logs in this folder")
    parser.add_argument("--download", action="store_true", help="download and stop there")
    given = parser.parse_args()
    names = given.names or list(NAMES)
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"no server {unknown[0]!r}; there are {', '.join(NAMES)}")
    base = given.data.resolve() if given.data else Path(tempfile.mkdtemp(prefix="sor-servers-"))
    try:
        base.mkdir(parents=True, exist_ok=True)
        base.chmod(0o755)
        if given.download:
            for name in names:
                download(name)
        else:
            serve(names, base)
    except (ServerError, OSError) as error:
        print(f"servers: {error}", file=sys.stderr)
        return 1
    if not given.data:
        shutil.rmtree(base, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
