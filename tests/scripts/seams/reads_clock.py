"""Reads every clock while it trains."""
import time

import torch

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
start = time.time()
for step in range(2):
    model(torch.ones(1, 2)).sum().backward()
    before = time.perf_counter()
    optimizer.step()
    took = time.perf_counter() - before
    print(f"iter {step}: took {took:.1f}s, elapsed {time.time() - start:.1f}s, {(step + 1) / time.monotonic():.1f} it/s")
    print(f"iter {step}: in all {time.monotonic_ns()} ns, date {time.strftime('%Y', time.gmtime(time.time()))}")
