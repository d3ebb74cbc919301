"""The table of mutants and benign variants of all families.

Each row changes the source of a copy by exact replacement; a text that is not there as often as the row says is an
error, so a row cannot silently stop planting its defect.
"""

from typing import Final

from tests.mutants.char_gpt import COMMON_CAUSES, SEED_000
from tests.mutants.char_gpt_benign import CHAR_GPT_BENIGN
from tests.mutants.char_gpt_model import IN_THE_MODEL
from tests.mutants.char_gpt_more import MORE, MORE_BENIGN
from tests.mutants.resumption import BENIGN_RESUMPTION, RESUMPTION
from tests.mutants.rows import Benign, Mutant
from tests.mutants.tagger import TAGGER
from tests.mutants.tagger_benign import TAGGER_BENIGN

MUTANTS: Final[tuple[Mutant, ...]] = (*SEED_000, *COMMON_CAUSES, *IN_THE_MODEL, *MORE, *RESUMPTION, *TAGGER)
BENIGN: Final[tuple[Benign, ...]] = (*CHAR_GPT_BENIGN, *MORE_BENIGN, *BENIGN_RESUMPTION, *TAGGER_BENIGN)
