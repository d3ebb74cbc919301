"""The state of a small training, and ways to change it."""

import copy

import torch


def state():
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    weight = random(6, 4)
    model = {"wte": weight, "a.weight": random(4, 4), "a.bias": random(4), "b.weight": random(4, 4), "head": weight}
    names = ["wte", "a.weight", "a.bias", "b.weight"]
    moments = {
        at: {"step": torch.tensor(5.0), "exp_avg": random(*model[name].shape), "exp_avg_sq": random(*model[name].shape)}
        for at, name in enumerate(names)
    }
    groups = [{"lr": 0.1, "betas": (0.9, 0.99), "weight_decay": 0.0, "params": [0, 1, 2, 3], "param_names": names}]
    return {
        "model": model,
        "ema": {name: value * 0.9 for name, value in model.items() if name != "head"},
        "optimizer": {"state": moments, "param_groups": groups},
        "scheduler": {"last_epoch": 5, "base_lrs": [0.1]},
        "scaler": {"scale": 65536.0, "_growth_tracker": 5},
        "rng": torch.arange(8, dtype=torch.uint8),
        "iter_num": 5,
        "best_val_loss": 1.5,
        "config": {"n_layer": 2, "bias": True},
    }


def changed(change):
    candidate = copy.deepcopy(state())
    result = change(candidate)
    return candidate if result is None else result


def assign(*path):
    *inside, last, value = path

    def change(candidate):
        for part in inside:
            candidate = candidate[part]
        candidate[last] = value

    return change


def update(*path):
    *inside, last, function = path

    def change(candidate):
        for part in inside:
            candidate = candidate[part]
        candidate[last] = function(candidate[last])

    return change


def drop(*path):
    *inside, last = path

    def change(candidate):
        for part in inside:
            candidate = candidate[part]
        del candidate[last]

    return change


def renamed(candidate):
    candidate["model"] = {f"module._orig_mod.{name}": value for name, value in candidate["model"].items()}
    group = candidate["optimizer"]["param_groups"][0]
    group["param_names"] = [f"module._orig_mod.{name}" for name in group["param_names"]]


def shift(candidate):
    candidate["iter_num"] += 1
    for moments in candidate["optimizer"]["state"].values():
        moments["step"] += 1


def regroup(candidate):
    """The same state under other numbers: weights before biases, in two groups."""
    optimizer = candidate["optimizer"]
    (group,) = optimizer["param_groups"]
    order = [0, 1, 3, 2]
    optimizer["state"] = {new: optimizer["state"][old] for new, old in enumerate(order)}
    names = [group["param_names"][old] for old in order]
    optimizer["param_groups"] = [
        group | {"params": [0, 1, 2], "param_names": names[:3]},
        group | {"params": [3], "param_names": names[3:]},
    ]
