"""The peer of `http_parse`: the transformers pipeline behind the smallest Flask application that answers JSON.

PEER_THREADS=1 PEER_LABELS=28 python -m gunicorn -k gthread --threads 32 tests.bench.http_peer:app
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask, request

from tests.bench.latency import classifier

_classify = classifier(int(os.environ.get("PEER_LABELS", "28")), threads=int(os.environ.get("PEER_THREADS", "1")))
_worker = ThreadPoolExecutor(1)
"""One thread asks the pipeline. A fast tokenizer refuses to be used by two at once ("Already borrowed"), and torch has
OpenMP threads of its own for each thread that calls it, which get in each other's way."""
_worker.submit(_classify, "warm", padding=False).result()

app = Flask(__name__)


@app.get("/readyz")
def ready() -> dict[str, Any]:
    return {"status": "ready"}


@app.post("/parse")
def parse() -> dict[str, Any]:
    (found,) = _worker.submit(_classify, request.get_json()["text"], padding=False).result()
    return {"intent": found["label"], "confidence": round(found["score"], 3)}
