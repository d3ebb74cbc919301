"""Mixed precision: a loss scaler that meets an overflow, with and without a fused optimizer; bf16 autocast."""
import sys

import torch
from finals import digest

way = sys.argv[1]
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=way == "fused")
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=way != "bf16")
for step in range(4):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "bf16"):
        loss = model(torch.randn(4, 8)).float().square().mean()
    if way != "bf16" and step == 1:
        loss = loss * float("inf")
    scaler.scale(loss).backward()
    if way == "unscaled":
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
    print(f"step {step}: loss {loss.item():.6f} scale {scaler.get_scale()}")
print(digest(model))
