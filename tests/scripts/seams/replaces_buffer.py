"""A model that keeps what it has seen in a buffer, by putting another tensor in its place."""
import torch


class Remembering(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)
        self.register_buffer("memory", torch.zeros(2))
        self.register_buffer("constant", torch.ones(2))

    def forward(self, x):
        self.memory = (self.memory + x.mean(0)).detach()
        return self.linear(x + self.memory)


torch.manual_seed(0)
model = Remembering()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    optimizer.zero_grad()
    model(torch.ones(2, 2)).sum().backward()
    optimizer.step()
