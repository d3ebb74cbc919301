"""Uses other processes and pickles in the ways that training programs do."""
import multiprocessing
import os
import pickle
import sys

import torch
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return torch.tensor([float(index * index)]), os.path.basename(os.getcwd())


def double(number):
    return 2 * number


if __name__ == "__main__":
    print(type(pickle.loads(pickle.dumps(Squares()))) is Squares, Squares.__module__, double.__globals__ is vars(sys.modules["__main__"]))
    torch.manual_seed(0)
    for method in ("fork", "spawn"):
        loader = DataLoader(Squares(), batch_size=2, num_workers=1, multiprocessing_context=method)
        print(method, [(batch.tolist(), places) for batch, places in loader])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(double, [1, 2]))
        pool.close()
        pool.join()
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        model(torch.ones(1)).sum().backward()
        optimizer.step()
