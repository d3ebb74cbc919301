"""What a program can do, recognised by the calls and names in its source."""

import ast
from collections.abc import Iterator
from typing import Final

from parity.surface.model import Feature
from parity.surface.sources import Source

# Name of a feature: last names of calls, attributes or imported modules that show it.
_SHOWN_BY: Final = {
    "activation checkpointing": {"checkpoint_sequential", "gradient_checkpointing_enable", "torch.utils.checkpoint"},
    "automatic mixed precision": {"autocast"},
    "charts": {"matplotlib", "matplotlib.pyplot", "plotly", "seaborn"},
    "compilation": {"compile"},
    "data loader workers": {"num_workers"},
    "distributed data parallel": {"DistributedDataParallel", "DDP"},
    "distributed sampler": {"DistributedSampler"},
    "exponential moving average": {"ExponentialMovingAverage", "AveragedModel", "swa_utils"},
    "fully sharded data parallel": {"fully_shard", "FullyShardedDataParallel"},
    "fused optimizer": {"fused"},
    "gradient accumulation without synchronisation": {"no_sync", "require_backward_grad_sync"},
    "gradient clipping": {"clip_grad_norm_", "clip_grad_value_"},
    "gradient scaling": {"GradScaler"},
    "hub data sets": {"load_dataset"},
    "learning rate scheduler": {"lr_scheduler", "LambdaLR", "CosineAnnealingLR", "OneCycleLR", "LinearLR"},
    "loading of checkpoints": {"load_state_dict"},
    "pinned memory": {"pin_memory"},
    "safetensors": {"safetensors", "safetensors.torch", "save_file"},
    "saving of checkpoints": {"torch.save", "save_file"},
    "seeding": {"manual_seed", "manual_seed_all"},
    "signal handling": {"signal.signal"},
    "TensorBoard": {"SummaryWriter"},
    "threads": {"threading.Thread", "ThreadPoolExecutor"},
    "Trackio": {"trackio"},
    "Weights & Biases": {"wandb"},
}


def read_features(source: Source) -> Iterator[Feature]:
    """Each feature once for a file, at the first line that shows it."""
    first: dict[str, int] = {}
    for name, line in _names(source.tree):
        first[name] = min(line, first.get(name, line))
    for feature, names in sorted(_SHOWN_BY.items()):
        lines = [first[name] for name in names if name in first]
        if lines:
            yield Feature(name=feature, place=source.place(min(lines)))


def _names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that are imported, called, or passed as a keyword, alone and with what stands before them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((part, node.lineno) for alias in node.names for part in _parts(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((part, node.lineno) for part in _parts(node.module))
        elif isinstance(node, ast.Call):
            yield _last(node.func), node.lineno
            yield ast.unparse(node.func), node.lineno
            yield from ((word.arg, node.lineno) for word in node.keywords if word.arg and not _is_off(word.value))
        elif isinstance(node, ast.Assign):
            targets = (one for one in node.targets if isinstance(one, ast.Attribute))
            yield from ((one.attr, node.lineno) for one in targets)


def _parts(module: str) -> Iterator[str]:
    """``a``, ``a.b`` and ``b`` for ``a.b``."""
    yield module
    yield module.partition(".")[0]
    yield module.rpartition(".")[2]


def _is_off(value: ast.expr) -> bool:
    """Whether a keyword switches off what it names."""
    return isinstance(value, ast.Constant) and value.value in (False, 0, None)


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
