"""CSV and Parquet tables, counted and read by an independent engine: DuckDB."""

import sys
from pathlib import Path

import duckdb
import pytest

from teleward_cloud.exports.formats import FORMATS, find_format, maker_of
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records, scope_of, write_files
from teleward_signal.errors import Invalid, Unavailable
from teleward_signal.record import RecordKind


def stay() -> Records:
    made = Records()
    made.wave("ecg_ii", range(-500, 500), 250.0, gap_samples=3)
    made.wave("ppg_red", [2**30, -(2**31)], 50.0, dtype="int32")
    for k in range(50):
        made.value(BEGIN_NS + k * NS, "spo2", float(k % 3), quality=0.0)
    made.value(BEGIN_NS, "spo2", None)
    made.beat(BEGIN_NS + 7, '"', '=HYPERLINK("x"), "quoted",\nsecond line \u0928')
    made.add(RecordKind.ALARM, BEGIN_NS, "spo2", {"condition": "spo2_low", "value": 0, "limit": 90})
    return made


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_independent_engine_reads_the_same_rows(tmp_path: Path, form: str) -> None:
    made = stay()
    write_files(maker_of(find_format(form))(scope_of()), made.ordered(), tmp_path)
    read = "read_csv_auto" if form == "csv" else "read_parquet"
    with duckdb.connect() as engine:

        def ask(table: str, columns: str) -> list[tuple[object, ...]]:
            path = tmp_path / f"{table}.{form}"
            return engine.execute(f"SELECT {columns} FROM {read}('{path}')").fetchall()

        kinds = [record.kind for record in made.all]
        for table, kind in (
            ("measurements", RecordKind.MEASUREMENT),
            ("waveforms", RecordKind.WAVEFORM),
            ("alarms", RecordKind.ALARM),
            ("annotations", RecordKind.ANNOTATION),
        ):
            assert ask(table, "count(*)") == [(kinds.count(kind),)], table
        assert ask("measurements", "count(*) FILTER (value = 0)") == [(17,)]
        assert ask("measurements", "count(*) FILTER (quality = 0)") == [(50,)]
        assert ask("measurements", "count(*) FILTER (value IS NULL AND reason IS NULL)") == [(0,)]
        assert ask("measurements", "sum(value)") == [(sum(k % 3 for k in range(50)),)]
        (first,) = ask("measurements", "epoch_ns(min(time))")[0]
        assert first == pytest.approx(BEGIN_NS, abs=1000)  # of a text, to a microsecond
        if form == "parquet":
            assert first == BEGIN_NS
            sums = "sum(list_sum(samples)), sum(len(samples))"
            counts = range(-500, 500)
            assert ask("waveforms", sums) == [(sum(counts) + 2**30 - 2**31, 1002)]
        else:
            words = "list_transform(string_split(samples::VARCHAR, ' '), s -> s::BIGINT)"
            assert ask("waveforms", f"sum(len({words}))") == [(1002,)]
        (label,) = ask("annotations", "label")
        mark = "'" if form == "csv" else ""
        assert label == (f'{mark}=HYPERLINK("x"), "quoted",\nsecond line \u0928',)


def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, FORMATS["parquet"].module, raising=False)
    with pytest.raises(Unavailable, match=r'pip install "\.\[parquet\]"'):
        maker_of(FORMATS["parquet"])
    with pytest.raises(Invalid, match="no export format 'pdf': use csv"):
        find_format("pdf")
