"""Makes the golden log of the present format: `.venv/bin/python -m tests.golden.make`.

Format 0 is not released: when a layout or the engine changes, make it again with this command and
commit it with the change. From 0.1.0 on, each released format gets a folder that is never made
again, and is read for ever.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from streams.log import RunDirectory
from tests.streams.replay.dataset import make_run, write_dataset

FOLDER = Path(__file__).parent
FORMAT = "format-0"
FACTS = ("inputs", "outputs", "decisions", "state_hash", "decision_hash")
KEPT = ("manifest.json", "anchors.jsonl", "shard-000/anchor.json")


def make(folder: Path) -> None:
    """A tiny run by the reference core over synthetic quotes, and what a reader must find."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        dataset = write_dataset(Path(scratch), 300)
        make_run(dataset, run, core="reference", orders=12, settings=("run.snapshot_inputs=200",))
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "run" / "shard-000").mkdir(parents=True)
        segments = [str(path.relative_to(run)) for path in run.glob("shard-000/*.seg")]
        for name in (*KEPT, *segments):
            shutil.copyfile(run / name, folder / "run" / name)
    content = json.dumps(expected(folder / "run"), indent=2) + "\n"
    (folder / "expected.json").write_text(content)


def expected(run: Path) -> dict[str, object]:
    """Counts and hashes of a run that was proven."""
    with RunDirectory.open(run) as opened:
        report = opened.shard().check()
        facts: dict[str, object] = {name: opened.manifest[name] for name in FACTS}
        generation = opened.manifest["versions"]["engine_generation"]
    assert report.inputs.chain_head is not None
    assert report.outputs.chain_head is not None
    return {
        "format": FORMAT,
        "released": False,
        **facts,
        "input_chain": report.inputs.chain_head.hex(),
        "output_chain": report.outputs.chain_head.hex(),
        "engine_generation": generation,
    }


if __name__ == "__main__":
    make(FOLDER / FORMAT)
