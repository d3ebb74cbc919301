"""Signatures, waivers and charges made by hand."""

from datetime import date

from parity.findings.ledger import Charge, Ledger
from parity.findings.signature import Signature
from parity.findings.waivers import Waiver

TODAY = date(2026, 6, 1)
LATER = date(2026, 12, 31)


def signature(**changed):
    """The learning rate is twice as high in 20 updates."""
    content = {
        "fingerprint": "a" * 12,
        "channel": "lr",
        "verdict": "different",
        "names": ("all groups",),
        "update": 0,
        "reference": "0.001",
        "candidate": "0.002",
        "differing": 20,
        "size": 20.0,
    }
    return Signature(**{**content, **changed})


def waiver(**changed):
    """What accepts ``signature()`` in p/s, and nothing else."""
    one = signature()
    content = {key: getattr(one, key) for key in vars(one) if key != "names"}
    told = {"pair": "p", "scenario": "s", "reason": "meant", "owner": "me", "expires": LATER}
    return Waiver(**{**content, **told, **changed})


def charge(one=None, *, counts=True):
    return Charge(signature=one or signature(), counts=counts, gates=counts)


def ledger(*waivers, rules=(), known=None, today=TODAY):
    return Ledger(today=today, waivers=waivers, rules=rules, known=known)
