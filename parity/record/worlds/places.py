"""The place of each rank in its world, as torchrun writes it into the environment."""

from typing import Final

RANK_VARIABLES: Final = (
    "RANK",
    "LOCAL_RANK",
    "GROUP_RANK",
    "ROLE_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "GROUP_WORLD_SIZE",
    "ROLE_WORLD_SIZE",
    "ROLE_NAME",
    "MASTER_ADDR",
    "MASTER_PORT",
    "TORCHELASTIC_RESTART_COUNT",
    "TORCHELASTIC_MAX_RESTARTS",
    "TORCHELASTIC_RUN_ID",
    "TORCHELASTIC_USE_AGENT_STORE",
)


def rank_environment(rank: int, world: int, port: int) -> dict[str, str]:
    """The environment of ``rank``, of ``world`` on this machine, whose rank 0 serves the store at ``port``."""
    values = (rank, rank, 0, rank, world, world, 1, world, "default", "127.0.0.1", port, 0, 0, "parity", False)
    return {name: str(value) for name, value in zip(RANK_VARIABLES, values, strict=True)}
