"""Is told to stop by a signal, and answers it as its first argument says."""
import signal
import sys

import torch

way = sys.argv[1]


class Stopped(Exception):
    """Raised by the handler, out of whatever the program does."""


def handle(number, frame):
    if way == "raises":
        raise Stopped(signal.Signals(number).name)
    print(f"got {signal.Signals(number).name} after step {step}, micro-step {micro_step}")


# A program that was started in the background ignores interrupts, and so would this one.
signal.signal(signal.SIGINT, signal.default_int_handler)
if way != "dies":
    signal.signal(signal.SIGTERM, handle)
if way == "handles":
    signal.signal(signal.SIGINT, handle)
torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
micro_step = step = -1
for step in range(4):
    try:
        for micro_step in range(2):
            model(torch.ones(2, 4)).sum().backward()
        if way == "by-hand":
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter -= 0.1 * parameter.grad
        else:
            optimizer.step()
        model.zero_grad()
    except KeyboardInterrupt:
        print(f"interrupted in step {step}, micro-step {micro_step}")
        raise
    except Stopped as reason:
        print(f"stopped by {reason} in step {step}, micro-step {micro_step}")
        break
