"""Whatever is named as a source: imported, or refused with a reason."""

import pytest

from parity.errors import SourceUnreadableError, UsageError
from parity.trace.importers import KINDS
from tests.unit.trace.importers.encoders import event, field, tf_record
from tests.unit.trace.importers.reading import imported


def test_what_does_not_exist_or_holds_nothing_is_refused(tmp_path):
    (tmp_path / "empty.log").write_text("no numbers here\n", encoding="utf-8")
    (tmp_path / "nothing").mkdir()
    for source, says in (("gone", "does not exist"), ("empty.log", "holds no numbers"), ("nothing", "nothing that is")):
        with pytest.raises(SourceUnreadableError, match=says):
            imported(tmp_path / source, tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("step", [-2, 1 << 40])
def test_a_step_that_no_update_can_have_is_refused(step, tmp_path):
    (tmp_path / "x.tfevents").write_bytes(event(step, "loss", 1.0))
    with pytest.raises(SourceUnreadableError, match=str(step)):
        imported(tmp_path / "x.tfevents", tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_are_something_else_are_an_explained_error_at_most(kind, tmp_path):
    for number, data in enumerate((b"", b"\x89PNG\r\n\x1a\n" * 9, bytes(range(256)) * 3, tf_record(field(3, b"\xff")))):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(data)
        with pytest.raises((SourceUnreadableError, UsageError)):
            imported(path, tmp_path, kind=kind)


def test_a_protocol_buffer_that_is_nonsense_is_an_explained_error(tmp_path):
    path = tmp_path / "x.tfevents"
    path.write_bytes(tf_record(b"\x2a\xff\x01abc"))
    with pytest.raises(SourceUnreadableError):
        imported(path, tmp_path)
