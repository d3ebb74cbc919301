"""A small language model, trained soundly, or with one thing done otherwise: a defect that the run betrays, or none."""
import copy
import os
import sys

import torch
from torch.utils.data import DataLoader, TensorDataset

way, out = sys.argv[1], sys.argv[2]
weight_decay = 0.1
MICRO, BATCH, TIME, UPDATES = 2, 4, 6, 8
torch.manual_seed(0)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(12, 8, sparse=way == "sparse")
        self.drop = torch.nn.Dropout(0.1)
        self.mix = torch.nn.Linear(8, 8)
        self.head = torch.nn.Linear(8, 12, bias=False)
        if way != "sparse":
            self.head.weight = self.embedding.weight

    def forward(self, tokens, targets):
        x = self.drop(self.embedding(tokens))
        seen = x + x.mean(1, keepdim=True) if way in ("acausal", "masked") else x.cumsum(1)
        logits = self.head(torch.tanh(self.mix(seen)))
        if way == "low-precision":
            logits = logits.bfloat16()
        loss = torch.nn.functional.cross_entropy(logits.view(-1, 12), targets.reshape(-1), ignore_index=-100)
        return logits, loss


def served(size, seed):
    text = torch.randint(11, (size, TIME + 1), generator=torch.Generator().manual_seed(seed))
    dataset = TensorDataset(text[:, :-1].contiguous(), text[:, 1:].contiguous())
    own = None if way in ("shared-generator", "restored") else torch.Generator().manual_seed(seed)
    return DataLoader(dataset, batch_size=BATCH, shuffle=True, generator=own)


def masked(x):
    return torch.where(torch.arange(TIME) % 4 == 0, x, -100)


def evaluate(loader):
    if way != "evaluated-in-train":
        model.eval()
    with torch.no_grad():
        losses = [model(x, masked(x) if way == "masked" else y)[1].item() for x, y in loader]
    if way != "trained-in-eval":
        model.train()
    return sum(losses) / len(losses)


model = Model()
if way in ("untied", "retied"):
    model.load_state_dict({key: value.clone() for key, value in model.state_dict().items()}, assign=True)
if way == "retied":
    model.head.weight = model.embedding.weight
if way == "hooked":
    model.register_forward_hook(lambda *_: None)
if way == "holding":
    model.stream = sys.stderr
average = {name: value.detach().clone() for name, value in model.named_parameters()}
teacher = copy.deepcopy(model) if way == "teacher" else None
biases = [model.mix.bias]
rest = [one for one in model.parameters() if one is not model.mix.bias and one is not model.embedding.weight]
rest += [model.embedding.weight] if way not in ("sparse", "head-alone") else []
groups = [{"params": rest}, {"params": biases, "weight_decay": 0.0}]
if way == "unheld":
    groups = groups[:1]
if way == "rounded-away":
    groups[1]["lr"] = 1e-30
if way == "frozen":
    model.embedding.weight.requires_grad_(False)
given = {} if way == "decay-forgotten" else {"weight_decay": weight_decay}
if way == "froze-later":
    groups = [{"params": rest + biases}]
if way == "head-alone":
    model.embedding.weight.requires_grad_(False)
optimizer = torch.optim.AdamW(groups, lr=1e-2, **given)
others = [torch.optim.SparseAdam([model.embedding.weight], lr=1e-2)] if way == "sparse" else []
if way == "stepped-twice":
    others = [torch.optim.SGD(biases, lr=1e-2)]
rates = (lambda step: step / 3) if way == "zero-rate" else (lambda step: (step + 1) / 20)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rates)
if way == "caught-up":
    for _ in range(3):
        scheduler.step()
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=way != "sparse")
training, shown_again, held_out = served(BATCH * (MICRO * UPDATES + 2), 1), served(BATCH, 1), served(BATCH, 2)
batches = iter(training)
ahead = next(batches) if way == "prefetched" else None
tokens = BATCH * TIME * (1 if way == "tokens-forgotten" else MICRO)
print(f"tokens per update: {tokens:,}")
for step in range(UPDATES):
    if step == 3 and way in ("froze-later", "froze-cleanly"):
        model.mix.bias.requires_grad_(False)
    total = 0.0
    for micro in range(MICRO):
        if way == "prefetched":
            (x, y), ahead = ahead, next(batches)
        elif not (way == "doubled" and step == 4 and micro == 0):
            x, y = next(batches)
        if way == "lost" and step == 4 and micro == 0:
            x, y = next(batches)
        if way == "masked":
            y = masked(x)
        if way == "teacher":
            with torch.no_grad():
                teacher(x, y)
        loss = model(x, y)[1] / MICRO
        if way == "not-finite" and step == 3:
            loss = loss + float("nan")
        total += loss.item()
        scaler.scale(loss).backward()
        if way == "scheduled-in-loop":
            scheduler.step()
    if way not in ("clipped-scaled", "sparse"):
        scaler.unscale_(optimizer)
    if way != "sparse":
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    for other in others:
        other.step()
    scaler.update()
    if way != "scheduled-in-loop":
        scheduler.step()
    if way == "froze-later":
        optimizer.zero_grad(set_to_none=False)
    elif way != "not-cleared":
        optimizer.zero_grad()
    for other in others:
        other.zero_grad()
    if way != "average-forgotten":
        for name, value in model.named_parameters():
            average[name].lerp_(value.detach(), 0.1)
    print(f"step {step}: loss {loss.item() * MICRO if way == 'last-micro-loss' else total:.6f}")
    if step % 3 == 2:
        state = torch.get_rng_state()
        train, val = evaluate(shown_again), evaluate(held_out)
        if way == "restored":
            torch.set_rng_state(state)
        print(f"step {step}: train loss {val if way == 'one-loss-twice' else train:.4f}, val loss {val:.4f}")
        os.makedirs(out, exist_ok=True)
        torch.save({"model": model.state_dict(), "ema": average}, os.path.join(out, "ckpt.pt"))
