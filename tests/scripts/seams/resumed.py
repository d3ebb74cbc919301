"""Goes on with the state of another optimizer."""
import torch

torch.manual_seed(0)
model = torch.nn.Linear(2, 1, bias=False)


def train(optimizer, steps):
    for _ in range(steps):
        model(torch.ones(2, 2)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()


first = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
train(first, 2)
second = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
second.load_state_dict(first.state_dict())
train(second, 1)
