"""The policy: which pairs are compared, under which conditions. Read from ``[tool.parity]`` of a pyproject.toml."""

from parity.policy.judging import GatePolicy as GatePolicy
from parity.policy.judging import GateRulePolicy as GateRulePolicy
from parity.policy.judging import IgnoredPolicy as IgnoredPolicy
from parity.policy.judging import TolerancePolicy as TolerancePolicy
from parity.policy.pairs import InterruptPolicy as InterruptPolicy
from parity.policy.pairs import PairPolicy as PairPolicy
from parity.policy.pairs import ScenarioPolicy as ScenarioPolicy
from parity.policy.reading import FILE as FILE
from parity.policy.reading import find_policy as find_policy
from parity.policy.reading import read_ledger as read_ledger
from parity.policy.reading import read_policy as read_policy
from parity.policy.waivers import LedgerPolicy as LedgerPolicy
from parity.policy.waivers import WaiverPolicy as WaiverPolicy
from parity.policy.whole import Policy as Policy
