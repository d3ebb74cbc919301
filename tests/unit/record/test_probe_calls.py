"""Hearing calls without changing what they do."""

import inspect
import threading
import warnings
from typing import Generic, TypeVar

import pytest

from parity.record.patches import Patches
from parity.record.probes.calls import Family

T = TypeVar("T")


def make():
    class Base(Generic[T]):
        def act(self, value=1):
            """Says its value."""
            return ("base", value)

        def around(self):
            return self.act(5)

    class Early(Base):
        def act(self, value=1):
            return ("early", *super().act(value))

    return Base, Early


def test_the_outermost_call_is_heard_and_the_result_kept():
    base, early = make()
    heard = []
    family = Family(Patches())
    family.hear_overrides(base, "act", before=lambda self, *args, **kwargs: heard.append((args, kwargs)))

    class Late(base):
        def act(self, value=1):
            return ("late", *super().act(value))

    class Silent(base):
        pass

    assert early().act(2) == ("early", "base", 2)
    assert Late().act(value=3) == ("late", "base", 3)
    assert Silent().act() == ("base", 1)
    assert heard == [((2,), {}), ((), {"value": 3}), ((), {})]


def test_functions_of_one_family_hide_each_other_and_others_do_not():
    base, _ = make()
    heard = []
    family = Family(Patches())
    family.hear(base, "act", before=lambda *args: heard.append("act"))
    family.hear(base, "around", before=lambda *args: heard.append("around"))
    assert base().around() == ("base", 5)
    assert heard == ["around"]
    Family(Patches()).hear(base, "around", after=lambda result, *args: heard.append(result))
    base().around()
    assert heard == ["around", "around", ("base", 5)]


def test_a_call_that_raises_is_told_before_and_not_after():
    class Fails:
        def act(self):
            raise ValueError("no")

    heard = []
    family = Family(Patches())
    family.hear(Fails, "act", before=lambda *_: heard.append("before"), after=lambda *_: heard.append("after"))
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            Fails().act()
    assert heard == ["before", "before"]


def test_each_thread_has_its_own_depth():
    class Slow:
        def act(self, inner):
            if inner:
                inner.start()
                inner.join()

    heard = []
    Family(Patches()).hear(Slow, "act", before=lambda *_: heard.append(threading.get_ident()))
    Slow().act(threading.Thread(target=Slow().act, args=(None,)))
    assert len(set(heard)) == 2


def test_the_function_looks_as_before():
    base, _ = make()
    before = inspect.signature(base.act)
    Family(Patches()).hear(base, "act", before=lambda *_: None)
    assert inspect.signature(base.act) == before
    assert (base.act.__name__, base.act.__doc__) == ("act", "Says its value.")


def test_a_warning_still_names_the_line_of_the_caller():
    class Warns:
        def act(self):
            warnings.warn("careful", UserWarning, stacklevel=2)

    Family(Patches()).hear(Warns, "act", before=lambda *_: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Warns().act()
    assert [warning.filename for warning in caught] == [__file__]


def test_a_hook_for_subclasses_of_its_own_is_kept():
    made = []

    class Base:
        def __init_subclass__(cls, *, label="", **kwargs):
            super().__init_subclass__(**kwargs)
            made.append(label)

        def act(self):
            return "base"

    heard = []
    Family(Patches()).hear_overrides(Base, "act", before=lambda *_: heard.append("act"))

    class Own(Base, label="x"):
        def act(self):
            return "own"

    assert (made, Own().act(), heard) == (["x"], "own", ["act"])
