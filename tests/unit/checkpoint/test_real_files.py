"""Files that the real libraries wrote, read without them."""

import argparse
import collections
import io
import json
import random
import struct
import tarfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from parity.checkpoint.model import Leaf
from parity.checkpoint.reading import read_checkpoint
from tests.unit.checkpoint.reading import aspects, assert_same, compare, elements, entries

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


class Held:
    def __init__(self, value):
        self.tensor = torch.full((3,), value)


def trained():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(5, 3)).sum().backward()
        optimizer.step()
        schedule.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": {key: value for key, value in schedule.state_dict().items() if key != "_lr_lambda"},
        "rng": torch.get_rng_state(),
        "python": list(random.getstate()[1][:20]),
        "half": torch.randn(3).bfloat16(),
        "eighth": torch.randn(3).to(torch.float8_e4m3fn),
        "complex": torch.randn(2, dtype=torch.complex64),
        "turned": torch.randn(3, 5).t(),
        "strided": torch.randn(6, 5)[1::2, ::2],
        "empty": torch.empty(0, 3),
        "expanded": torch.ones(1).expand(4, 3),
        "step": 7,
        "best": float("inf"),
        "nothing": None,
    }


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_torch_save(tmp_path, zipped):
    path = tmp_path / "a.pt"
    state = trained()
    if not zipped:
        del state["eighth"]  # torch writes it in the old format, but cannot load it again
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    assert_same(torch.load(path, weights_only=False), entries(path))
    assert read_checkpoint(path).units[0].format == ("torch zip" if zipped else "torch pickle")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_protocols(tmp_path, protocol):
    path = tmp_path / "a.pt"
    torch.save(trained(), path, pickle_protocol=protocol)
    assert_same(torch.load(path, weights_only=False), entries(path))


def test_objects_that_weights_only_refuses(tmp_path):
    path = tmp_path / "a.pt"
    stored = {
        "args": argparse.Namespace(lr=0.1, layers=[1, 2]),
        "array": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "scalar": np.float64(0.5),
        "rng": np.random.RandomState(0).get_state(),
        "count": collections.Counter("aab"),
        "module": torch.nn.Linear(2, 2),
    }
    torch.save(stored, path)
    found = entries(path)
    assert found["args", "lr"] == Leaf("float", 0.1)
    assert found["args", "layers"] == Leaf("list", (1, 2))
    assert np.array_equal(elements(found["array",]), stored["array"])
    assert np.array_equal(elements(found["fortran",]), stored["fortran"])
    assert found["scalar",] == Leaf("numpy.float64", 0.5)
    assert np.array_equal(elements(found["rng", 1]), stored["rng"][1])
    assert found["count", "a"] == Leaf("int", 2)
    assert np.array_equal(elements(found["module", "_parameters", "weight"]), stored["module"].weight.detach().numpy())


def test_tied_tensors_share_a_storage(tmp_path):
    path = tmp_path / "a.pt"
    weight = torch.randn(4, 3)
    torch.save({"wte": weight, "head": weight, "other": weight.clone()}, path)
    found = entries(path)
    assert found["wte",].storage == found["head",].storage != found["other",].storage


def test_oldest_tar(tmp_path):
    """torch still reads this format but no longer writes it, so the test writes what its reader expects."""
    import pickle

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return "1" if isinstance(value, torch.Tensor) else None

    weight = torch.arange(6, dtype=torch.float32)
    tree = io.BytesIO()
    Pickler(tree, 2).dump({"w": weight.reshape(2, 3), "step": 3})
    storages = pickle.dumps(1, 2) + pickle.dumps((7, "cpu", torch.FloatStorage), 2)
    storages += struct.pack("<q", 6) + weight.numpy().tobytes() + pickle.dumps([], 2)
    tensors = pickle.dumps(1, 2) + pickle.dumps((1, 7, torch.FloatTensor), 2)
    tensors += struct.pack("<i", 2) + bytes(4) + struct.pack("<5q", 2, 3, 3, 1, 0)
    path = tmp_path / "old.pt"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as file:
        members = {"sys_info": pickle.dumps({}, 2), "pickle": tree.getvalue(), "storages": storages, "tensors": tensors}
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    loaded = torch.load(path, weights_only=False)
    assert loaded["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert_same(loaded, entries(path))


def test_safetensors(tmp_path):
    path = tmp_path / "model.safetensors"
    tensors = {
        "w": torch.randn(3, 4),
        "half": torch.randn(5).bfloat16(),
        "eighth": torch.randn(5).to(torch.float8_e5m2),
        "flags": torch.tensor([True, False]),
        "step": torch.tensor(3),
        "empty": torch.empty(0, 2),
    }
    save_file(tensors, path, metadata={"format": "pt"})
    found = entries(path)
    for name, tensor in tensors.items():
        assert_same(tensor, found, (name,))
    assert found["__metadata__", "format"] == Leaf("str", "pt")


def test_sharded_equals_single(tmp_path):
    tensors = {f"layer.{at}.weight": torch.randn(4, 4) for at in range(4)}
    single, sharded = tmp_path / "single", tmp_path / "sharded"
    single.mkdir()
    sharded.mkdir()
    save_file(tensors, single / "model.safetensors")
    weights = {}
    for at, name in enumerate(tensors):
        file = f"model-{at // 2 + 1:05d}-of-00002.safetensors"
        weights[name] = file
    for file in set(weights.values()):
        save_file({name: tensors[name] for name in tensors if weights[name] == file}, sharded / file)
    (sharded / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weights}))
    assert [unit.format for unit in read_checkpoint(sharded).units] == ["sharded"]
    comparison = compare(single, sharded)
    assert comparison.differences == ()
    assert comparison.compared == 5
    (sharded / "model-00002-of-00002.safetensors").unlink()
    broken = compare(single, sharded)
    assert {one.slug for one in broken.not_compared} == {"checkpoint-missing"}


def test_shards_of_a_model_library_equal_its_single_file(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"n_layer": 2, "n_embd": 16, "n_head": 2, "vocab_size": 64, "n_positions": 8}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes))
    model.save_pretrained(tmp_path / "single")
    model.save_pretrained(tmp_path / "sharded", max_shard_size="12KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 2
    comparison = compare(tmp_path / "single", tmp_path / "sharded")
    assert tuple(comparison.differences) == ()
    assert comparison.compared > sum(1 for _ in model.parameters())
    single = tmp_path / "single" / "model.safetensors"
    single.write_bytes(single.read_bytes()[:-1] + b"\x7f")
    changed = compare(tmp_path / "single", tmp_path / "sharded").differences
    assert len(changed) == 1


def test_distributed_equals_single(tmp_path):
    import torch.distributed.checkpoint as dcp

    state = {"model": {"w": torch.randn(4, 3), "b": torch.randn(3)}, "step": 3, "optim": {"lr": 0.1}}
    dcp.save(state, checkpoint_id=tmp_path / "dcp", no_dist=True)
    torch.save(state, tmp_path / "single.pt")
    assert [unit.format for unit in read_checkpoint(tmp_path / "dcp").units] == ["torch distributed"]
    comparison = compare(tmp_path / "single.pt", tmp_path / "dcp")
    assert comparison.differences == ()
    assert comparison.not_compared == ()
    state["model"]["b"][2] += 1
    torch.save(state, tmp_path / "single.pt")
    assert aspects(compare(tmp_path / "single.pt", tmp_path / "dcp")) == [("value", "model.b")]


def test_numpy_archives(tmp_path):
    arrays = {"a": np.arange(12.0).reshape(3, 4), "b": np.asfortranarray(np.ones((2, 3), np.int16)), "c": np.array(3)}
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    np.save(tmp_path / "one.npy", arrays["a"])
    for name in ("plain.npz", "packed.npz"):
        found = entries(tmp_path / name)
        assert all(np.array_equal(elements(found[key,]), array) for key, array in arrays.items())
    assert np.array_equal(elements(entries(tmp_path / "one.npy")[()]), arrays["a"])
    assert compare(tmp_path / "plain.npz", tmp_path / "packed.npz").differences == ()


def test_equal_places_in_different_members_are_different_tensors(tmp_path):
    """Archives of arrays and objects of a distributed checkpoint count their storages from the start, each anew."""
    import torch.distributed.checkpoint as dcp

    for side, last in (("a", 1.0), ("b", 2.0)):
        np.savez(tmp_path / f"{side}.npz", first=np.ones(3), second=np.full(3, last))
        dcp.save({"first": Held(1.0), "second": Held(last)}, checkpoint_id=tmp_path / f"{side}.dcp", no_dist=True)
    assert aspects(compare(tmp_path / "a.npz", tmp_path / "b.npz")) == [("value", "second")]
    assert aspects(compare(tmp_path / "a.dcp", tmp_path / "b.dcp")) == [("value", "second.tensor")]


def test_three_files(tmp_path):
    for side, last in (("a", 1.0), ("b", 2.0)):
        (tmp_path / side).mkdir()
        for suffix in ("", ".embeddings", ".decoder"):
            value = last if suffix == ".decoder" else 0.0
            torch.save({"w": torch.full((2,), value)}, tmp_path / side / f"model.bin{suffix}")
    (unit,) = read_checkpoint(tmp_path / "a").units
    assert (unit.format, len(unit.files)) == ("three files", 3)
    assert aspects(compare(tmp_path / "a", tmp_path / "b")) == [("value", "decoder.w")]


def test_side_files(tmp_path):
    for side, rate in (("a", 0.1), ("b", 0.2)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "config.json").write_text(json.dumps({"lr": rate, "layers": [1, 2]}))
        (tmp_path / side / "args.yaml").write_text(f"lr: {rate}\nname: x\n")
        (tmp_path / side / "merges.txt").write_text(f"{rate}")
    (tmp_path / "a" / "only.json").write_text("{}")
    found = aspects(compare(tmp_path / "a", tmp_path / "b"))
    assert sorted(found) == [("missing", ""), ("value", ""), ("value", "lr"), ("value", "lr")]


def test_lightning_like_checkpoint(tmp_path):
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.save_hyperparameters({"rate": 0.1})
            self.layer = torch.nn.Linear(4, 2)

        def training_step(self, batch, _):
            return self.layer(batch[0]).square().mean()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.1)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 4)), batch_size=4)
    trainer = lightning.Trainer(
        max_steps=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(Module(), data)
    path = tmp_path / "last.ckpt"
    trainer.save_checkpoint(path)
    found = entries(path)
    loaded = torch.load(path, weights_only=False)
    assert_same(dict(loaded["state_dict"]), found, ("state_dict",))
    assert_same(loaded["optimizer_states"], found, ("optimizer_states",))
    comparison = compare(path, path)
    assert comparison.differences == comparison.not_compared == ()
    assert comparison.units[0].optimizers[0][0].names == {0: "layer.weight", 1: "layer.bias"}
