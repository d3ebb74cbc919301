"""Whether a later token changes an earlier output: a copy of the model is asked, beside one call of the program's own.

The copy is asked in eval() mode, without gradients, twice with the recorded input and once with another last token.
The program's model, its modes, buffers, caches and random number generators are not touched, and no probe hears it.
Only next-token training promises causality, which is known from targets that are the inputs, shifted by one or not.
"""

import copy
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from .probes.roots import inputs, tensors_in

CHANNELS: Final = ("causality",)
_WRAPPERS: Final = frozenset({"OptimizedModule", "DistributedDataParallel", "DataParallel"})
_HOOKS: Final = ("_forward_hooks", "_forward_pre_hooks")
_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None), type, types.FunctionType, types.BuiltinFunctionType)
_COPYING: Final = ("__deepcopy__", "__reduce_ex__", "__reduce__", "__setstate__", "__getstate__")
_DEPTH: Final = 6
_MOST_CALLS: Final = 64


class _Unfit(Exception):  # noqa: N818 - no error: this call cannot be probed
    """Why a call does not tell."""


def describe(options: Mapping[str, Any]) -> str:  # noqa: ARG001 - every attachment has options
    """What the attachment changes in the program, in words."""
    return "a copy of the model called beside one of its calls, to see whether later tokens change earlier outputs"


def install(listener: Any, options: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Probe the first call that tells, and say why where none did."""
    state: dict[str, Any] = {"calls": 0, "reason": "no model was called", "call": None, "done": False}

    def begins(_: Any, args: Any, kwargs: Any) -> None:
        state["call"] = None if state["done"] else (args, kwargs)

    def ends(model: Any, _: Any) -> None:
        call, state["call"] = state["call"], None
        if call is None:
            return
        state["calls"] += 1
        state["done"] = state["calls"] >= _MOST_CALLS
        try:
            changed = _probe(model, *call)
        except _Unfit as reason:
            state["reason"] = str(reason)
            return
        except Exception as error:
            state.update(reason=f"a copy of the model cannot be called: {type(error).__name__}: {error}", done=True)
            return
        state.update(reason="", done=True)
        listener.observe("causality", changed)

    def confess(_: Any) -> None:
        if state["reason"]:
            listener.note({"blind": f"causality was not probed: {state['reason']}", "channels": list(CHANNELS)})

    for kind in ("training", "eval"):
        listener.on(f"{kind}_forward", "causality", begins)
        listener.on(f"{kind}_output", "causality", ends)
    listener.on("finish", "causality", confess)


def _probe(model: Any, args: Any, kwargs: Any) -> int:
    """The number of earlier positions whose output depends on the last token."""
    import torch

    while type(model).__name__ in _WRAPPERS:
        model = getattr(model, "_orig_mod", None) or model.module
    tokens = _tokens(model, args, kwargs)
    _check_model(model)
    with _apart():
        twin = copy.deepcopy(model)
        for module in twin.modules():
            module.training = False
        shape = tuple(tokens.shape)
        first, again, other = (
            _output(twin(*_replaced(args, tokens, given), **_replaced(kwargs, tokens, given)), shape)
            for given in (tokens.clone(), tokens.clone(), _with_other_end(tokens))
        )
        if not torch.equal(first, again):
            message = "the model does not repeat its own output for the same input"
            raise _Unfit(message)
        same = (first[:, :-1] == other[:, :-1]) | (first[:, :-1].isnan() & other[:, :-1].isnan())
        return int((~same.flatten(2).all(2)).any(0).sum()) if first.dim() > 2 else int((~same).any(0).sum())


def _tokens(model: Any, args: Any, kwargs: Any) -> Any:
    """The tokens of a call that trains the prediction of the next one."""
    given = [one for one in inputs(model, args, kwargs) if not one.is_floating_point() and one.dim() == 2]
    tokens = given[0] if given else None
    if tokens is None or tokens.shape[1] < 2 or tokens.unique().numel() < 2:
        message = "no call with integer tokens of shape (batch, time)"
        raise _Unfit(message)
    if not any(_is_next(tokens, one) for one in given[1:]):
        message = "no call is given targets that show that the next token is predicted"
        raise _Unfit(message)
    return tokens


def _is_next(tokens: Any, targets: Any) -> bool:
    """Whether ``targets`` are the tokens, shifted by one or to be shifted, but for what is masked."""
    if targets.shape != tokens.shape:
        return False
    pairs = ((tokens[:, 1:], targets[:, :-1]), (tokens, targets))
    return any(_agree(given, wanted) for given, wanted in pairs)


def _agree(given: Any, wanted: Any) -> bool:
    # A model that fills in masked tokens may look ahead: of its targets, most are masked.
    told = wanted >= 0
    return bool((given == wanted)[told].all()) and bool(2 * told.sum() > told.numel())


def _check_model(model: Any) -> None:
    """Refuse a model whose copy would share something with it, or would be heard."""
    for module in model.modules():
        held = vars(module)
        if any(held.get(name) for name in _HOOKS):
            message = "the model has forward hooks, which would hear the calls"
            raise _Unfit(message)
        strange = [name for name, value in held.items() if not name.startswith("_") and not _is_plain(value)]
        if strange:
            message = f"the model holds what cannot be copied safely: {type(module).__name__}.{strange[0]}"
            raise _Unfit(message)
    if any(hasattr(one, "to_local") for one in model.parameters()):
        message = "the model is spread over ranks"
        raise _Unfit(message)


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether copying ``value`` runs no code of a stranger: plain values, tensors, and objects made of nothing else."""
    import torch

    if isinstance(value, (*_PLAIN, torch.Tensor, torch.dtype, torch.device)):
        return True
    if depth >= _DEPTH:
        return False
    if type(value) in (list, tuple, set, torch.Size):
        return all(_is_plain(one, depth + 1) for one in value)
    if type(value) is dict:
        return all(_is_plain(one, depth + 1) for one in value.values())
    kind: Any = type(value)
    ordinary = all(getattr(kind, name, None) is getattr(object, name, None) for name in _COPYING)
    # Classes written in C, such as files and locks, hold more than one can see.
    written_in_python = {"__dict__", "__weakref__"} <= vars(kind.__mro__[-2] if kind is not object else kind).keys()
    if isinstance(value, torch.nn.Module) or not (ordinary and written_in_python):
        return False
    return all(_is_plain(one, depth + 1) for one in vars(value).values())


@contextmanager
def _apart() -> Iterator[None]:
    """Without gradients, without a cache of casts, and with every generator put back afterwards."""
    import random

    import torch

    cuda: Any = torch.cuda
    numpy_random: Any = sys.modules.get("numpy.random")
    python, own = random.getstate(), torch.get_rng_state()
    numpy = numpy_random.get_state(legacy=False) if numpy_random else None
    devices = cuda.get_rng_state_all() if cuda.is_initialized() else ()
    cached = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_autocast_cache_enabled(cached)
        random.setstate(python)
        torch.default_generator.set_state(own)
        if numpy_random:
            numpy_random.set_state(numpy)
        for index, one in enumerate(devices):
            cuda.default_generators[index].set_state(one)


def _replaced(value: Any, old: Any, new: Any) -> Any:
    """``value`` with the tensor ``old``, wherever it stands in sequences and mappings, replaced by ``new``."""
    if value is old:
        return new
    if type(value) in (tuple, list):
        return type(value)(_replaced(one, old, new) for one in value)
    if type(value) is dict:
        return {key: _replaced(one, old, new) for key, one in value.items()}
    return value


def _with_other_end(tokens: Any) -> Any:
    """The same tokens, but in every row another one, which occurs elsewhere, at the end."""
    changed = tokens.clone()
    known = tokens.unique()
    for row in changed:
        row[-1] = known[0] if row[-1] != known[0] else known[1]
    return changed


def _output(result: Any, shape: tuple[int, ...]) -> Any:
    for tensor in tensors_in(result):
        if tensor.is_floating_point() and tensor.dim() >= 2 and tuple(tensor.shape[:2]) == shape:
            return tensor
    message = "no call returns an output for every position"
    raise _Unfit(message)
