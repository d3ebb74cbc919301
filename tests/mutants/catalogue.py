"""The table of mutants and benign variants of all families.

Each row changes the source of a copy by exact replacement; a text that is not there as often as the row says is an
error, so a row cannot silently stop planting its defect.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeVar

from tests.mutants import gpt2, gpt2_options, occ, stream
from tests.mutants.char_gpt import COMMON_CAUSES, SEED_000
from tests.mutants.char_gpt_benign import CHAR_GPT_BENIGN
from tests.mutants.char_gpt_conduct import BENIGN_CONDUCT, CONDUCT
from tests.mutants.char_gpt_data import BENIGN_DATA, DATA
from tests.mutants.char_gpt_low_rank import BENIGN_PARTS, PARTS
from tests.mutants.char_gpt_model import IN_THE_MODEL
from tests.mutants.char_gpt_more import MORE, MORE_BENIGN
from tests.mutants.char_gpt_operations import BENIGN_OPERATIONS, OPERATING
from tests.mutants.char_gpt_reporting import BENIGN_REPORTING, GOING_ON, RATES, REPORTING
from tests.mutants.ranks_benign import BENIGN_RANKS
from tests.mutants.ranks_catalogue import RANKS
from tests.mutants.resumption import BENIGN_RESUMPTION, RESUMPTION
from tests.mutants.rows import Benign, Mutant
from tests.mutants.stream_failures import BENIGN_LEAVING, FAILING, LEAVING_LESS
from tests.mutants.tagger import TAGGER
from tests.mutants.tagger_benign import TAGGER_BENIGN

Row = TypeVar("Row", Mutant, Benign)


def _of(family: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows of the pair that the family is."""
    return tuple(replace(row, family=family) for row in rows)


MUTANTS: Final[tuple[Mutant, ...]] = (
    *(
        *SEED_000,
        *COMMON_CAUSES,
        *IN_THE_MODEL,
        *MORE,
        *DATA,
        *PARTS,
        *OPERATING,
        *CONDUCT,
        *REPORTING,
        *RATES,
        *GOING_ON,
    ),
    *_of("gpt2-vanilla", gpt2.VANILLA),
    *_of("gpt2-vanilla", gpt2_options.VANILLA_OPTIONS),
    *_of("gpt2-defaults", gpt2_options.DEFAULTS),
    *_of("gpt2-unified-ra", gpt2.UNIFIED),
    *_of("gpt2-unified-ra", gpt2_options.UNIFIED_OPTIONS),
    *_of("gpt2-ablation", gpt2_options.ABLATION),
    *_of("occ-mixer", (*occ.MIXER, *occ.HUB)),
    *_of("occ-finetune", occ.FINETUNE),
    *_of("occ-ddp", (*occ.DDP, *occ.NODES)),
    *_of("stream-sample", stream.SAMPLE),
    *_of("stream-sample", FAILING),
    *_of("stream-chunk", (*stream.CHUNK, *LEAVING_LESS)),
    *_of("stream-stops", stream.STOPS),
    *RESUMPTION,
    *RANKS,
    *TAGGER,
)
BENIGN: Final[tuple[Benign, ...]] = (
    *CHAR_GPT_BENIGN,
    *MORE_BENIGN,
    *BENIGN_DATA,
    *BENIGN_PARTS,
    *BENIGN_OPERATIONS,
    *BENIGN_CONDUCT,
    *BENIGN_REPORTING,
    *_of("gpt2-vanilla", gpt2.BENIGN_VANILLA),
    *_of("gpt2-vanilla", gpt2_options.BENIGN_VANILLA_OPTIONS),
    *_of("gpt2-unified-ra", gpt2.BENIGN_UNIFIED),
    *_of("gpt2-ablation", gpt2_options.BENIGN_ABLATION),
    *_of("occ-mixer", (*occ.BENIGN, *occ.BENIGN_HUB)),
    *_of("occ-finetune", occ.BENIGN_FINETUNE),
    *_of("occ-ddp", occ.BENIGN_NODES),
    *_of("stream-sample", stream.BENIGN),
    *_of("stream-chunk", BENIGN_LEAVING),
    *BENIGN_RESUMPTION,
    *BENIGN_RANKS,
    *TAGGER_BENIGN,
)


def sample(rows: Iterable[Mutant]) -> tuple[Mutant, ...]:
    """The first rows of each cause, of each place where mutants show, and of each scenario of each family.

    ``nox -s scoreboard`` runs all rows; the suite has a mutant for everything that one can prove and another cannot.
    """
    seen: set[tuple[str, ...]] = set()
    chosen = []
    for row in rows:
        proves = {("cause", row.cause), ("place", row.phase.name, row.channel), (row.family, row.scenario, row.part)}
        if not proves <= seen:
            seen |= proves
            chosen.append(row)
    return tuple(chosen)
