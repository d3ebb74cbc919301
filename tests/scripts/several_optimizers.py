"""More than one optimizer: a GAN with a gradient penalty, actor and critic, two parts of one model, a target network."""
import copy
import sys

import torch
from finals import digest

way = sys.argv[1]
torch.manual_seed(0)


def net(inputs, outputs):
    return torch.nn.Sequential(torch.nn.Linear(inputs, 8), torch.nn.Tanh(), torch.nn.Linear(8, outputs))


first, second = net(4, 6), net(6, 1)
one = torch.optim.Adam(first.parameters(), lr=1e-2)
two = torch.optim.SGD(second.parameters(), lr=1e-1)


def gan():
    real, fake = torch.randn(5, 6), first(torch.randn(5, 4))
    mixed = (0.5 * real + 0.5 * fake.detach()).requires_grad_()
    slope = torch.autograd.grad(outputs=second(mixed).sum(), inputs=mixed, create_graph=True)[0]
    loss = second(fake.detach()).mean() - second(real).mean() + (slope.norm(dim=1) - 1).square().mean()
    two.zero_grad()
    loss.backward()
    two.step()
    one.zero_grad()
    loss = -second(fake).mean()
    loss.backward()
    one.step()
    return loss


def together():
    loss = second(first(torch.randn(5, 4))).square().mean()
    one.zero_grad()
    two.zero_grad()
    loss.backward()
    one.step()
    two.step()
    return loss


target = copy.deepcopy(second)


def actor_critic():
    state = torch.randn(5, 4)
    with torch.no_grad():
        goal = target(torch.randn(5, 6)) * 0.9 + 1.0
    critic_loss = torch.nn.functional.mse_loss(second(first(state).detach()), goal)
    two.zero_grad()
    critic_loss.backward()
    two.step()
    actor_loss = -second(first(state)).mean()
    one.zero_grad()
    actor_loss.backward()
    one.step()
    for slow, fast in zip(target.parameters(), second.parameters()):
        slow.data.mul_(0.9).add_(fast.data, alpha=0.1)
    return actor_loss


for step in range(3):
    loss = {"gan": gan, "together": together, "actor-critic": actor_critic}[way]()
    print(f"step {step}: loss {loss.item():.6f}")
print(digest(first, second, target))
