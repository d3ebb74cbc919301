"""Switches modes and seeds inside what torch compiles."""
import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
graphs = []


def count(graph, inputs):
    graphs.append(graph)
    return graph.forward


@torch.compile(backend=count)
def forward(x):
    model.train()
    y = model(x)
    model.eval()
    return y.sum()


for step in range(2):
    forward(torch.ones(2, 4)).backward()
    optimizer.step()
    optimizer.zero_grad()
print("graphs", len(graphs), model[0].weight.sum().item())
