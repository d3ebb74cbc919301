"""Defects inside the model of family char_gpt: module and operation have to be named."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import Edit, Mutant

_MODEL: Final = "char_gpt/model.py"
_ATTENTION: Final = "char_gpt/attention.py"
_ATTEND: Final = "x = x + self.attn(self.ln_1(x))"

# What only a close-up can name: the defect is one operation of the model.
IN_THE_MODEL: Final = (
    Mutant(
        id="gelu-by-tanh",
        edits=(Edit(file=_MODEL, old="nn.GELU()", new='nn.GELU(approximate="tanh")'),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="gelu-variant",
    ),
    Mutant(
        id="norm-epsilon-and-renamed-parts",
        edits=(
            Edit(
                file=_MODEL,
                old="self.weight.shape, self.weight, self.bias, 1e-5",
                new="self.weight.shape, self.weight, self.bias, 1e-6",
            ),
            Edit(file=_MODEL, old="self.ln_1", new="self.norm", times=2),
            Edit(file=_MODEL, old="self.gelu(self.c_fc(x))", new="functional.gelu(self.c_fc(x))"),
        ),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="normalisation-epsilon",
    ),
    Mutant(
        id="attention-scaled-by-head-size",
        edits=(Edit(file=_ATTENTION, old="is_causal=True)", new="is_causal=True, scale=1.0 / self.head_size)"),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="attention-scale",
    ),
    Mutant(
        id="attention-not-causal",
        edits=(Edit(file=_ATTENTION, old="is_causal=True", new="is_causal=False"),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="causal-mask",
    ),
    Mutant(
        id="dropout-doubled-in-mlp",
        edits=(
            Edit(
                file=_MODEL,
                old="        self.dropout = nn.Dropout(architecture.dropout)",
                new="        self.dropout = nn.Dropout(2 * architecture.dropout)",
            ),
        ),
        update=0,
        phase=Phase.FORWARD,
        channel="output",
        cause="dropout-probability",
    ),
    Mutant(
        id="residual-forgotten",
        edits=(Edit(file=_MODEL, old=_ATTEND, new="x = self.attn(self.ln_1(x))"),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="residual-missing",
    ),
    Mutant(
        id="projection-transposed",
        edits=(
            Edit(
                file=_MODEL,
                old='            if name.endswith("c_proj.weight"):\n'
                "                nn.init.normal_(parameter, mean=0.0, std=residual_deviation)\n",
                new='            if name.endswith("c_proj.weight"):\n'
                "                nn.init.normal_(parameter, mean=0.0, std=residual_deviation)\n"
                '            if name.endswith("attn.c_proj.weight"):\n'
                "                parameter.data = parameter.data.t().contiguous()\n",
            ),
        ),
        update=-1,
        phase=Phase.SETUP,
        channel="parameter_initial",
        cause="parameter-transposed",
    ),
    Mutant(
        id="gradient-cut-behind-attention",
        edits=(Edit(file=_MODEL, old=_ATTEND, new="x = x + self.attn(self.ln_1(x)).detach()"),),
        update=0,
        phase=Phase.BACKWARD,
        channel="gradient_norm",
        cause="gradient-cut",
    ),
)
