"""The verdict as a table of text."""

from data.verdict_view import verdict_rows


def cell(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def test_a_table_in_the_order_of_reading() -> None:
    wire = {
        "models": {
            "candidate": {
                "size_bytes": cell(23e6, 23e6, 23e6),
                "macro_f1": cell(0.9, 0.85, 0.95),
                "accuracy": cell(0.914, 0.88, 0.94),
                "auroc": cell(None),
                "latency_ms": cell(1.25, 1.25, 1.25),
                "zeal": cell(0.5),
            },
            "floor": {"accuracy": cell(0.7, 0.6, 0.8)},
        }
    }
    assert verdict_rows(wire) == [
        ("", "floor", "candidate"),
        ("Accuracy", "70.0 % (60.0 – 80.0 %)", "91.4 % (88.0 – 94.0 %)"),
        ("Macro-F1", "–", "0.900 (0.850 – 0.950)"),
        ("AUROC, in against out of scope", "–", "–"),
        ("One message takes", "–", "1.2 ms"),
        ("Size", "–", "23.0 MB"),
        ("zeal", "–", "0.500"),
    ]


def test_no_models_no_columns() -> None:
    assert verdict_rows({"models": {}}) == [("",)]
