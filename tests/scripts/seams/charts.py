"""Saves figures in several ways: a path, a file in memory, from pyplot, after the figure was closed."""
import io
import os
import sys

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for step in range(2):
    loss = model(torch.ones(2, 4)).sum()
    losses.append(loss.item())
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()

figure = Figure(figsize=(4, 3))
figure.suptitle("two axes")
right, left = figure.add_subplot(1, 2, 2), figure.add_subplot(1, 2, 1)
left.plot(range(2), [1, 2], label="rising")
left.plot([0, 1], [2.0, 1.0], label="falling")
left.legend()
left.set(title="Lines", xlabel="Step", ylabel="Loss", yscale="log")
right.scatter([1.0, 2.0], [3.0, 4.0])
right.table(cellText=[["a", "$b"]], colLabels=["one", "two"])
figure.savefig(os.path.join(OUT, "lines.png"), dpi=20)
figure.savefig(io.BytesIO(), dpi=20)

plt.figure(figsize=(4, 3))
plt.plot([0, 1], [1, 2])
plt.savefig(os.path.join(OUT, "pyplot.png"), dpi=20)
plt.close()
plt.savefig(os.path.join(OUT, "closed.png"), dpi=20)
