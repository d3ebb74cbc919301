"""Defects and harmless changes in parts of the model of family char_gpt: low rank, rotation, weights of others."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import harmless, planted

LORA: Final = "lora"
ROTARY: Final = "rotary"
GPT2: Final = "gpt2-weights"

_LOW_RANK: Final = "char_gpt/lora.py"
_ATTENTION: Final = "char_gpt/attention.py"

PARTS: Final = (
    planted(
        "low-rank-not-divided-by-rank",
        "model-operation-changed",
        LORA,
        (0, Phase.BACKWARD, "gradient_norm"),
        (_LOW_RANK, "self.scale = alpha / rank", "self.scale = alpha"),
    ),
    planted(
        "low-rank-drawn-normally",
        "parameter-initialisation",
        LORA,
        (-1, Phase.SETUP, "parameter_initial"),
        (_LOW_RANK, "nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))", "nn.init.normal_(self.lora_A, std=0.02)"),
    ),
    planted(
        "main-weight-trained",
        "parameter-frozen",
        LORA,
        (-1, Phase.SETUP, "parameter_kind"),
        (_LOW_RANK, "        self.main_weight.weight.requires_grad = False\n", ""),
    ),
    planted(
        "low-rank-of-embedding-untied",
        "parameters-untied",
        LORA,
        (-1, Phase.SETUP, "parameter_initial"),
        ("char_gpt/model.py", "        embedding.weight = self.lm_head.weight\n", ""),
    ),
    planted(
        "checkpoint-not-merged",
        "checkpoint-keys-renamed",
        LORA,
        (4, Phase.CHECKPOINT, "checkpoint_kind"),
        ("char_gpt/checkpoint.py", "model.merged_state()", "model.state_dict()"),
    ),
    planted(
        "checkpoint-without-additions",
        "checkpoint-content",
        LORA,
        (4, Phase.CHECKPOINT, "checkpoint_tensor"),
        (_LOW_RANK, "self.main_weight.weight.detach() + self.addition().detach()", "self.main_weight.weight.detach()"),
    ),
    planted(
        "rotation-of-neighbours",
        "model-operation-changed",
        ROTARY,
        (-1, Phase.EVAL, "eval_output"),
        (
            _ATTENTION,
            (
                "        first, second = heads.chunk(2, dim=-1)\n"
                "        return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)\n"
            ),
            (
                "        first, second = heads[..., ::2], heads[..., 1::2]\n"
                "        turned = (first * cos - second * sin, second * cos + first * sin)\n"
                "        return torch.stack(turned, dim=-1).flatten(-2)\n"
            ),
        ),
    ),
    planted(
        "rotary-base-ignored",
        "buffer-initialisation",
        ROTARY,
        (-1, Phase.SETUP, "buffer_initial"),
        (_ATTENTION, "base=architecture.rotary_base", "base=10000"),
    ),
    planted(
        "keys-not-rotated",
        "model-operation-changed",
        ROTARY,
        (-1, Phase.EVAL, "eval_output"),
        (_ATTENTION, "query, key = self.rotary(query), self.rotary(key)", "query = self.rotary(query)"),
    ),
    planted(
        "projection-of-gpt2-not-turned",
        "parameter-transposed",
        GPT2,
        (-1, Phase.SETUP, "parameter_initial"),
        ("char_gpt/pretrained.py", '"c_proj.weight", "c_fc', '"mlp.c_proj.weight", "c_fc'),
    ),
)

BENIGN_PARTS: Final = (
    harmless(
        "low-rank-by-operators",
        LORA,
        (
            _LOW_RANK,
            (
                "        narrow = functional.linear(x, self.lora_A)\n"
                "        y: torch.Tensor = self.main_weight(x) + self.scale * functional.linear(narrow, self.lora_B)\n"
            ),
            (
                "        narrow = x @ self.lora_A.t()\n"
                "        y: torch.Tensor = self.main_weight(x) + (narrow @ self.lora_B.t()) * self.scale\n"
            ),
        ),
    ),
    harmless(
        "rotation-by-halves",
        ROTARY,
        (
            _ATTENTION,
            "        first, second = heads.chunk(2, dim=-1)\n",
            "        first, second = heads[..., : cos.size(-1)], heads[..., cos.size(-1) :]\n",
        ),
    ),
)
