"""What the page's scripts draw, as data for JSON: short names, decimated curves, one sign for every standing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from parity.findings.model import Judgement
from parity.report.curves import Curve, curves
from parity.report.html.numbers import number, numbers
from parity.report.html.settings import settings
from parity.report.html.tensors import Tensor, tensors
from parity.report.html.timeline import Cell, Timeline, timeline
from parity.report.tracks import Standing, Track, tracks
from parity.report.wording import capitalised, shorten, visible
from parity.trace.channels import Phase

_MOST_CURVES: Final = 24
_FEWEST_BUCKETS: Final = 24
_PER_BUCKET: Final = 6
_COARSE: Final = 4
_LONGEST_SETTING: Final = 400
_SIGNS: Final = {Standing.DIFFERENT: "x", Standing.EQUIVALENT: "~", Standing.LISTED: "i"}


@dataclass(frozen=True)
class Room:
    """How much one scenario may take of the page: points of curves, and rows of tensors."""

    points: int
    rows: int


def scenario_data(judgement: Judgement, room: Room, doubted: Collection[str] = ()) -> dict[str, object]:
    """Timeline, curves, tensors and settings of one scenario within ``room``; of phases ``doubted`` a part is gone."""
    among = tracks(judgement)
    drawn, left = curves(judgement, among, _MOST_CURVES)
    buckets = max(_FEWEST_BUCKETS, room.points // max(1, len(drawn)) // _PER_BUCKET)
    rows, more = tensors(judgement, among)
    return {
        "timeline": _timeline(timeline(among, doubted=doubted)),
        "curves": [_curve(one.decimated(buckets)) for one in drawn],
        "curves_left": left,
        "tensors": [_tensor(one) for one in rows[: room.rows]],
        "tensors_left": more + max(0, len(rows) - room.rows),
        "settings": [
            [one.group, _name(one.name), _maybe(one.reference), _maybe(one.candidate), one.change]
            for one in settings(judgement.comparison)
        ],
    }


def _timeline(found: Timeline) -> dict[str, object]:
    return {
        "columns": [[column.first, column.last, column.title] for column in found.columns],
        "rows": [
            {
                "phase": phase.name.lower(),
                "cells": "".join(_sign(cell) for cell in cells),
                "notes": {str(at): _note(cell) for at, cell in enumerate(cells) if cell.channels},
            }
            for phase, cells in found.rows.items()
        ],
    }


def _sign(cell: Cell) -> str:
    if cell.gravest in _SIGNS:
        return _SIGNS[cell.gravest]
    if not cell.seen:
        return " "
    partly = {Standing.IDENTICAL, Standing.NOT_COMPARED} <= cell.seen.keys()
    return "p" if partly else "=" if Standing.IDENTICAL in cell.seen else "?"


def _note(cell: Cell) -> list[object]:
    apart = sum(number for standing, number in cell.seen.items() if standing is not Standing.IDENTICAL)
    return [cell.first, cell.finding, apart, sum(cell.seen.values()), cell.channels]


def _curve(one: Curve) -> dict[str, object]:
    track = one.track
    differs = one.has_reference & one.has_candidate & (one.difference != 0)
    return {
        "title": _name(one.title),
        "about": f"{capitalised(track.channel.title)}{f' ({track.channel.unit})' if track.channel.unit else ''}",
        "standing": _sign_of(track),
        "word": track.standing.word,
        "finding": track.finding,
        "total": one.total,
        "first": one.first,
        "repeat": "micro-step" if Phase.DATA <= track.channel.phase <= Phase.BACKWARD else "occurrence",
        "updates": one.updates.tolist(),
        "ordinals": one.ordinals.tolist() if one.ordinals.any() else 0,
        "reference": numbers(one.reference.tolist(), one.has_reference.tolist()),
        "candidate": 0 if one.is_equal else numbers(one.candidate.tolist(), one.has_candidate.tolist()),
        "difference": 0 if one.is_equal else numbers(one.difference.tolist(), differs.tolist(), _COARSE),
        "floor": 0 if one.floor is None else numbers(one.floor.tolist(), (one.floor == one.floor).tolist(), _COARSE),
    }


def _sign_of(track: Track) -> str:
    return _SIGNS.get(track.standing, "=" if track.standing is Standing.IDENTICAL else "?")


def _tensor(one: Tensor) -> list[object]:
    track = one.track
    renamed = _name(track.candidate_name) if track.candidate_name != track.name else None
    distances = [None if part is None else number(part, _COARSE) for part in (one.first, one.largest)]
    place = [track.channel.name, track.rank, one.kind, _sign_of(track)]
    return [
        _name(track.name),
        renamed,
        *place,
        one.since,
        one.differing,
        one.compared,
        *distances,
        one.at,
        track.finding,
    ]


def _name(text: str) -> str:
    return shorten(visible(text))


def _maybe(text: str | None) -> str | None:
    return None if text is None else shorten(visible(text), _LONGEST_SETTING)
