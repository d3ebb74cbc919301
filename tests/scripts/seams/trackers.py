"""Reports to the tracker that is named on the command line."""
import os
import sys

import torch

KIND, OUT = sys.argv[1:3]
os.makedirs(OUT, exist_ok=True)
os.environ["WANDB_DIR"] = os.environ["TRACKIO_DIR"] = os.environ["WANDB_CONFIG_DIR"] = OUT
os.environ["WANDB_SILENT"] = "true"


def start():
    if KIND == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter
        writer = SummaryWriter(OUT)

        def log(values, step):
            writer.add_scalar("loss", values["loss"], step)
            writer.add_scalars("eval", {"accuracy": values["accuracy"]}, global_step=step)
        return log
    config = {"lr": 0.1}
    if KIND == "trackio":
        import trackio
        trackio.init("demo", config=config, auto_log_cpu=False, auto_log_gpu=False)
        return lambda values, step: trackio.log(
            {"loss": values["loss"].item(), "eval": {"accuracy": values["accuracy"]}}, step=step
        )
    import wandb
    nested = lambda values: {"loss": values["loss"], "eval": {"accuracy": values["accuracy"]}, "note": "text"}
    if KIND in ("wandb-disabled", "wandb-offline"):
        wandb.init(project="demo", mode=KIND.removeprefix("wandb-"), config=config)
        return lambda values, step: wandb.log(nested(values), step=step)
    if KIND == "wandb-run":
        run = wandb.init(project="demo", mode="disabled", config=config)
        return lambda values, step: run.log(nested(values), step=step)

    def log(values, step):
        try:
            wandb.log(nested(values), step=step)
        except wandb.Error:
            print("not logged in")
    try:
        wandb.init(project="demo", mode="online", config=config)
    except wandb.Error:
        print("no credentials")
    return log


log = start()
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(2):
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    log({"loss": torch.tensor(0.5 + step), "accuracy": 0.25}, step * 10)
