"""The base install ingests, keeps and answers: nothing on that way may ask for the training side's packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFUSED = (
    "torch", "transformers", "lightning", "pytorch_lightning", "datasets", "sklearn", "scipy", "onnx", "onnxscript",
    "torchmetrics", "matplotlib", "huggingface_hub", "sentence_transformers",
)  # fmt: skip
READ_SIDE = (
    "abusive", "adapter_shelf", "adapters", "beams", "confidence", "decoder_pool", "decoders", "decoding", "encoders",
    "facts", "grounding", "heads", "hear", "placeholders", "policy", "predict", "readings", "release", "replies",
    "rewriters", "runtime", "sampling", "sealed", "seq2seq", "sharing", "text_stream",
)  # fmt: skip
PROGRAM = """
import importlib, json, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"not part of the base install: {name}", name=name)

refused, read_side, home = set(json.loads(sys.argv[1])), json.loads(sys.argv[2]), sys.argv[3]
sys.meta_path.insert(0, Refuse())

import data, service
for package in (data, service):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
for name in read_side:
    importlib.import_module("export." + name)

from service.cli import run

codes = [run([*verb, "--home", home, "--json"]) for verb in json.loads(sys.argv[4])]
print(json.dumps({"codes": codes, "loaded": sorted(refused & set(sys.modules))}))
"""


def test_the_base_install_imports_keeps_and_answers_for_itself(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    turns = [{"role": "user", "content": "where is my parcel"}, {"role": "agent", "content": "It left on Monday."}]
    log.write_text(json.dumps({"id": "c1", "messages": turns}) + "\n", encoding="utf-8")
    verbs = [["init", "acme"], ["import", "acme", str(log)], ["bots"], ["releases", "acme"], ["jobs"], ["doctor"]]
    arguments = [json.dumps(REFUSED), json.dumps(READ_SIDE), str(tmp_path / "home"), json.dumps(verbs)]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told == {"codes": [0] * len(verbs), "loaded": []}


def test_a_server_holds_no_library_that_only_reads_files():
    """Each of them takes megabytes, which a server that answers visitors would hold for nothing."""
    program = "import service.app, data.importers.kinds, sys; print(sorted({'pyarrow', 'openpyxl'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout.strip() == "[]"
