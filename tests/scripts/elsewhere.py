"""A training whose tensors say that they are on a CUDA device, which this machine need not have."""
import sys

import torch

rate, where = float(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(600, 600), torch.nn.BatchNorm1d(600), torch.nn.Linear(600, 2))
average = torch.optim.swa_utils.AveragedModel(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
with torch.no_grad():
    average(torch.ones(2, 600))
if where == "device":
    torch.Tensor.is_cuda = property(lambda self: True)
for step in range(3):
    for micro in range(2):
        loss = torch.nn.functional.cross_entropy(model(torch.randn(4, 600)), torch.tensor([0, 1, 1, 0])) / 2
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    average.update_parameters(model)
    print(f"step {step}: loss {loss.item()}")
model.eval()
with torch.no_grad():
    print(model(torch.ones(2, 600)).sum().item())
