"""A sampler of its own that knows epochs, and calls set_epoch of its base."""
import torch
from torch.utils.data import DataLoader, Sampler


class Base(Sampler):
    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        raise RuntimeError("nobody may ask")

    def __iter__(self):
        return iter([self.epoch % 4, 1])


class Own(Base):
    def set_epoch(self, epoch):
        super().set_epoch(epoch)


sampler = Own()
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for epoch in (4, 7):
    sampler.set_epoch(epoch)
    for batch in DataLoader(torch.ones(4, 4), batch_size=2, sampler=sampler):
        model(batch).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
