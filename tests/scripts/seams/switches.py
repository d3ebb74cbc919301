"""Switches torch's arithmetic before its training and in the middle of it, by the older names and by the newer ones."""
import torch

torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.benchmark = True
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for step in range(4):
    if step == 2:
        torch.backends.cudnn.rnn.fp32_precision = "ieee"
        torch.set_float32_matmul_precision("highest")
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
