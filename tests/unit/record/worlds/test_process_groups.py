"""The private interfaces of torch that announcing rests on: where one has changed, the failure says which."""

from types import SimpleNamespace

import pytest
import torch.distributed as dist
from torch.distributed import distributed_c10d

from parity.record.worlds import process_groups
from parity.record.worlds.process_groups import OPERATIONS, changes, fake_store


def test_this_version_of_torch_has_them():
    assert changes() == []


def test_every_operation_of_a_process_group_is_announced():
    """A method that takes part in communication and is not in the table would wait unannounced."""
    silent = {"abort", "boxed", "unbox", "merge_remote_group", "split_group", "rank", "size", "name", "set_timeout"}
    silent |= {"shutdown", "get_group_store", "bound_device_id", "group_name", "group_desc", "BackendType"}
    silent |= {"use_pg_for_symm_mem_rendezvous"}
    public = {name for name in vars(dist.ProcessGroup) if not name.startswith("_") and not name.isupper()}
    assert public - OPERATIONS.keys() - silent == set()
    assert len(OPERATIONS.keys() & public) >= 15


def test_the_store_of_a_world_that_does_not_exist():
    assert isinstance(fake_store(), dist.Store)
    assert "FAKE" in dist.Backend._plugins


def maker_by_another_name():
    return object()


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (SimpleNamespace(), "ProcessGroup does not exist"),
        (
            SimpleNamespace(ProcessGroup=dist.ProcessGroup, _new_process_group_helper=maker_by_another_name),
            "_new_process_group_helper does not make groups by the name ProcessGroup",
        ),
        (SimpleNamespace(ProcessGroup=dist.ProcessGroup), "_new_process_group_helper does not make groups"),
        (
            SimpleNamespace(
                ProcessGroup=type("ProcessGroup", (), {"__init__": lambda self: None}),
                _new_process_group_helper=distributed_c10d._new_process_group_helper,
            ),
            "a subclass of ProcessGroup cannot be made from a rank and a size",
        ),
    ],
)
def test_what_has_changed_is_said(module, said):
    assert said in "; ".join(process_groups._changes(module))
