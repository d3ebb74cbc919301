"""One optimizer, stepped in the ways in which programs step: closures, inside backward, fused, accumulated,
averaged, masked."""
import sys

import torch
from finals import digest
from torch.utils.checkpoint import checkpoint

way = sys.argv[1]
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(16, 3))
criterion = torch.nn.CrossEntropyLoss()
losses = []


def compute():
    labels = torch.randint(3, (4,), generator=generator)
    if way == "checkpoint-reentrant":
        output = checkpoint(model, data.requires_grad_(), use_reentrant=True)
    elif way == "checkpoint":
        output = checkpoint(model, data, use_reentrant=False)
    else:
        output = model(data)
    losses.append(criterion(output, labels))
    return losses[-1]


def closure():
    optimizer.zero_grad()
    loss = compute()
    loss.backward()
    return loss


class Outer(torch.optim.Optimizer):
    """Asks for the loss, lets another optimizer step, and asks again."""

    def __init__(self, inner):
        super().__init__(inner.param_groups, {})
        self.inner = inner

    def step(self, closure):
        closure()
        self.inner.step()
        return closure()


generator = torch.Generator().manual_seed(1)
data = torch.randn(4, 8)
average = None
mask = torch.arange(128).reshape(16, 8) % 2
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=way == "fused", foreach=way == "foreach" or None)
if way == "lbfgs":
    model.eval()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)
elif way == "nested":
    optimizer = Outer(optimizer)
elif way == "average":
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
elif way == "in-backward":
    optimizers = {parameter: torch.optim.SGD([parameter], lr=0.1) for parameter in model.parameters()}

    def step_now(parameter):
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(step_now)

for step in range(6 if way == "modulo" else 3):
    if way in ("lbfgs", "closure", "nested"):
        optimizer.step(closure)
    elif way == "in-backward":
        compute().backward()
    elif way == "modulo":
        (compute() / 2).backward()
        if step % 2 == 1:
            optimizer.step()
            optimizer.zero_grad()
    elif way == "micro-loop":
        for _ in range(3):
            (compute() / 3).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        optimizer.zero_grad()
    else:
        closure()
        optimizer.step()
    if way == "masked":
        with torch.no_grad():
            model[0].weight.mul_(mask)
            model[3].weight.mul_(torch.ones(3, 16))
    if average is not None:
        average.update_parameters(model)
        with torch.no_grad():
            print("averaged", average(data).sum().item())
    print(f"step {step}: loss {losses[-1].item():.6f}")
print(digest(*([model] if average is None else [model, average])))
