"""A disk that is full, a file system that is read-only, rights that are gone, two at once.

Where the machine lets us mount, a real small file system is filled and made read-only; the same
command goes on once there is room. Each ends in one line that says what and where.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams import clock
from streams.log.run import RunDirectory
from tests.streams.replay.dataset import make_run, write_dataset
from tests.streams.replay.tamper import copy_run
from tests.streams.replay.test_resume import same

SCRIPT = """
set -u
mount -t tmpfs -o size={size}k tmpfs {disk} || exit 77
sor() {{ {python} -m streams.cli.main "$@"; }}
replay() {{ sor replay {dataset} --data {data} --out {disk}/run --orders 60 --seed 7 "$@"; }}
replay 2>{out}/full.txt >{out}/full.out; echo $? >>{out}/full.txt
mount -o remount,size=64m {disk}
replay --resume 2>{out}/room.txt >{out}/room.out; echo $? >>{out}/room.txt
mount -o remount,ro {disk}
{python} -c '{verbs}' verify,{disk}/run log,check,{disk}/run log,info,{disk}/run \
  decisions,{disk}/run >{out}/read.out 2>{out}/read.txt
{python} -c '{verbs}' log,index,{disk}/run log,prune,{disk}/run,--yes \
  replay,{dataset},--data,{data},--out,{disk}/run,--force >{out}/write.out 2>{out}/write.txt
cp -r {disk}/run {out}/run
"""


VERBS = """
import sys
from streams.cli.main import main
for words in sys.argv[1:]:
    print(main(words.split(",")), file=sys.stderr)
"""


def lines(path: Path) -> list[str]:
    """Lines of a file."""
    return path.read_text().splitlines()


@pytest.mark.promise(p=4)
def test_a_full_disk_then_room_then_read_only(tmp_path: Path, root: Path) -> None:
    dataset, data = write_dataset(tmp_path / "data", 2_000)
    make_run((dataset, data), tmp_path / "whole")
    (tmp_path / "disk").mkdir()
    script = SCRIPT.format(
        size=120,
        disk=tmp_path / "disk",
        python=sys.executable,
        dataset=dataset,
        data=data,
        out=tmp_path,
        verbs=VERBS,
    )
    command = ["unshare", "--mount", "bash", "-c", script]
    if shutil.which("unshare") is None:
        pytest.skip("a small file system needs unshare")
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if ran.returncode in (1, 77) and not (tmp_path / "full.txt").exists():
        pytest.skip(f"a small file system needs the right to mount: {ran.stderr.strip()}")
    *error, code = lines(tmp_path / "full.txt")
    assert (len(error), code) == (1, "1"), error
    assert "No space left on device" in error[0]
    assert lines(tmp_path / "room.txt") == ["0"]
    assert same(tmp_path / "whole", tmp_path / "run")
    assert lines(tmp_path / "read.txt") == ["0"] * 4
    refused = lines(tmp_path / "write.txt")
    assert [line for line in refused if line.isdigit()] == ["1", "1", "1"]
    assert sum("Read-only file system" in line for line in refused) == 3
    assert len(refused) == 6
    print("disk full, room again, read-only: lost=0 differing=0")


AS_NOBODY = """
import json, os, sys
from streams.cli.main import main
run, dataset, data, out, warm = sys.argv[1:6]
begin = ["replay", dataset, "--data", data, "--orders", "20", "--out"]
tries = (["verify", run], ["log", "check", run], ["log", "index", run], [*begin, out])
for words in (*tries[:2], [*begin, warm], ["log", "index", warm]):
    main(words)  # so that everything is loaded while we may read it
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
print(json.dumps([main(words) for words in tries]))
"""


def test_rights_that_are_gone(
    small_run: Path, small_dataset: tuple[Path, Path], tmp_path: Path, root: Path
) -> None:
    run = copy_run(small_run, tmp_path / "copy")
    for path in (run, run / "shard-000", tmp_path / "locked"):
        path.mkdir(exist_ok=True)
        path.chmod(0o555)
    around = (tmp_path, *tmp_path.parents, *small_dataset[1].parents)
    outer = [path for path in around if "pytest-" in str(path)]
    modes = {path: path.stat().st_mode for path in outer}
    for path in outer:
        path.chmod(0o755)
    try:
        command = [sys.executable, "-c", AS_NOBODY, str(run), *map(str, small_dataset)]
        out, warm = str(tmp_path / "locked" / "out"), str(tmp_path / "warm")
        # Nobody may not write where coverage of subprocesses is gathered.
        bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        ran = subprocess.run(
            [*command, out, warm], cwd=root, capture_output=True, text=True, check=False, env=bare
        )
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert ran.returncode == 0, ran.stderr
    codes = json.loads(ran.stdout.splitlines()[-1])
    assert codes[:2] == [0, 0], f"reading needs no right to write: {ran.stderr}"
    assert 0 not in codes[2:]
    assert ran.stderr.count("Permission denied") == 2, ran.stderr
    assert "Traceback" not in ran.stderr


def test_two_processes_on_one_run(small_copy: Path, root: Path) -> None:
    command = [sys.executable, "-m", "streams.cli.main", "log", "index", str(small_copy)]
    with RunDirectory.open(small_copy, writable=True):
        ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert str(os.getpid()) in ran.stderr, "it says who holds the run"
    again = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert again.returncode == 0


def test_a_clock_that_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_000, 2_000, 500, 1_999, 2_001])
    monkeypatch.setattr("streams.clock.time.time_ns", lambda: next(times))
    system = clock.SystemClock()
    assert [system.now_ns() for _ in range(5)] == [1_000, 2_000, 2_000, 2_000, 2_001]
