"""The same small training under the frameworks that programs are written in; nothing is downloaded."""
import logging
import os
import sys
import tempfile
import warnings

import torch
from finals import digest

way = sys.argv[1]
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
torch.manual_seed(0)
rows = [(torch.randn(8), torch.tensor(index % 3)) for index in range(24)]


def net():
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))


def accelerate():
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loader = torch.utils.data.DataLoader(rows, batch_size=4)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    for x, labels in loader:
        with accelerator.accumulate(model):
            loss = torch.nn.functional.cross_entropy(model(x), labels)
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            print(f"loss {loss.item():.6f}")
    return model


def fabric():
    from lightning.fabric import Fabric

    run = Fabric(accelerator="cpu", devices=1)
    run.launch()
    model = net()
    model, optimizer = run.setup(model, torch.optim.AdamW(model.parameters(), lr=1e-2))
    loader = run.setup_dataloaders(torch.utils.data.DataLoader(rows, batch_size=8))
    for x, labels in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), labels)
        run.backward(loss)
        run.clip_gradients(model, optimizer, max_norm=1.0)
        optimizer.step()
        print(f"loss {loss.item():.6f}")
    return model


def lightning():
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = net()

        def training_step(self, batch, _):
            loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            print(f"loss {loss.item():.6f}")
            return loss

        def validation_step(self, batch, _):
            print(f"validation {self.net(batch[0]).sum().item():.6f}")

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), lr=1e-2)

    module = Module()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    with tempfile.TemporaryDirectory() as place:
        trainer = lightning.Trainer(
            max_epochs=1, accelerator="cpu", devices=1, gradient_clip_val=1.0, default_root_dir=place, **quiet
        )
        loader = torch.utils.data.DataLoader(rows, batch_size=8)
        trainer.fit(module, loader, torch.utils.data.DataLoader(rows[:8], batch_size=8))
    return module


def trainer():
    from transformers import GPT2Config, GPT2LMHeadModel, PrinterCallback, Trainer, TrainingArguments

    config = GPT2Config(vocab_size=32, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    data = [{"input_ids": torch.randint(32, (8,))} for _ in range(16)]
    for row in data:
        row["labels"] = row["input_ids"]
    with tempfile.TemporaryDirectory() as place:
        arguments = TrainingArguments(
            place, max_steps=3, per_device_train_batch_size=2, gradient_accumulation_steps=2, use_cpu=True,
            save_strategy="no", report_to=[], disable_tqdm=True, logging_steps=1, seed=1,
        )
        trainer = Trainer(model=model, args=arguments, train_dataset=data)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        print("losses", [entry["loss"] for entry in trainer.state.log_history if "loss" in entry])
    return model


os.environ["HF_HUB_OFFLINE"] = "1"
print(digest({"accelerate": accelerate, "fabric": fabric, "lightning": lightning, "trainer": trainer}[way]()))
