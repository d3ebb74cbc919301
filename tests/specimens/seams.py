"""Specimens of the seams beside the training step itself: what surrounds it, and how the program speaks of it."""

import json
import platform
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import torch

from parity.trace.digests import digest_bytes
from parity.trace.model import Value
from tests.specimens.table import Check, Specimen, some, times

OUT: Final = "{out}"
EMPTY: Final[Mapping[str, Check]] = MappingProxyType({})
CHART_LINE: Final = digest_bytes(b"".join(b"(2,)" + np.array(one).tobytes() for one in ([0.0, 1.0], [1.0, 2.0])))
VALUES: Final = ("steps=2", "width=4", "lr=0.1", "eps=1e-08")


def configuration(kind: str, holder: str, *requires: str) -> Specimen:
    """The same values held in an object of each kind, an attribute of an object of the program."""
    held = dict(text.split("=") for text in VALUES)
    return Specimen(
        id=f"configuration-{kind}",
        words=("seams/configurations.py", kind),
        updates=2,
        expects={
            **{f"config:{key}": [value] for key, value in held.items()},
            f"config_source:{holder}": ["4 keys"],
            "config_source:globals of the script": ["1 keys"],
        },
        requires=requires,
    )


def at(file: str, line: int, function: str) -> Check:
    """Check: one call site, this one."""

    def check(found: list[Value]) -> bool:
        places = [json.loads(str(each)) for each in found]
        return [(place["file"], place["line"], place["function"]) for place in places] == [(file, line, function)]

    return check


def scheduler(kind: str, rates: list[float]) -> Specimen:
    """Four updates, one step of the scheduler after each and two after the second."""
    return Specimen(
        id=f"scheduler-{kind}",
        words=("seams/schedules.py", kind),
        updates=4,
        expects={
            "scheduler_steps": [1, 2, 1],
            "lr:all groups": rates,
            "scheduler_surplus": [] if kind == "plateau" else [0, 1, 1],
        },
    )


def draws(where: str, *, outside: int = 0, forward: int = 0, evaluation: int = 0) -> Specimen:
    """Three updates that draw random numbers in one place."""
    return Specimen(
        id=f"draws-{where}",
        words=("seams/draws.py", where),
        faithful=where == "forward",
        updates=3,
        expects={
            "rng_consumed:outside the model": [outside] * 2,
            "rng_consumed:training forward": [forward] * 3,
            "rng_consumed:evaluation forward": [0, evaluation, evaluation],
            "eval_draws": [evaluation] * 2,
            "rng:torch": lambda found: len(set(found)) == (1 if where == "python" else 3),
            "rng:random": lambda found: len(set(found)) == (3 if where == "python" else 1),
        },
    )


def tracker(
    kind: str, given: str, *, requires: str, config: bool = True, more: Mapping[str, Sequence[Value] | Check] = EMPTY
) -> Specimen:
    """Two metrics reported twice, whatever becomes of them."""
    return Specimen(
        id=f"tracker-{kind}",
        words=("seams/trackers.py", kind, OUT),
        updates=2,
        expects={
            "tracker:" + kind.partition("-")[0]: [given],
            "metric:loss": [0.5, 1.5],
            "metric:eval/accuracy": [0.25, 0.25],
            "metric_step:loss": [0, 10],
            "metric_step:eval/accuracy": [0, 10],
            **({"config:lr": ["0.1"]} if config else {}),
            **more,
        },
        requires=(requires,),
    )


def replicas(how: str, contexts: int) -> Specimen:
    """Three micro-steps an update on two ranks, gradients exchanged in the last."""
    return Specimen(
        id=f"replicas-{how}",
        words=("seams/replicas.py", how),
        world=2,
        warm=False,
        updates=2,
        expects={
            "gradient_syncs": [1, 1],
            "gradient_bytes": [20, 20],
            "no_sync": [contexts, contexts],
            "distributed_option:comm_hook": ["fp16_compress_hook"] if how == "flag" else [],
            "distributed_option:backend": ["gloo"],
            "distributed_option:bucket_bytes_cap": ["1048576"],
            "distributed_option:find_unused_parameters": ["False"],
        },
    )


def law(way: str, *, level: str = "digest", **expects: Sequence[Value] | Check) -> Specimen:
    """A small language model trained with one thing done otherwise."""
    return Specimen(id=f"law-{way}", words=("laws.py", way, OUT), updates=8, level=level, expects=expects)


def loaders(workers: int, iterator: str) -> Specimen:
    """Two epochs of a distributed sampler, and an evaluation with a generator of its own after each."""
    train = f"DistributedSampler, 4 samples, batch size 2, drop_last True, {workers} workers, sampler seeded 5"
    held_out = "RandomSampler, 8 samples, batch size 4, drop_last False, 0 workers, generator seeded 9"
    seeds = [2238117252665022720, 1278568289900440573, 8062369756993517258, 345839747989920761]
    return Specimen(
        id=f"loaders-{workers}-workers",
        words=("seams/loaders.py", str(workers)),
        faithful=workers == 2,
        updates=4,
        expects={
            "loader_epoch:loader 0": [train] * 4,
            "loader_epoch:loader 1": [held_out] * 2,
            "loader_option:loader 0: num_workers": [str(workers)],
            "loader_option:loader 0: pin_memory": ["False"],
            "loader_option:loader 0: prefetch_factor": ["2" if workers else "None"],
            "loader_option:loader 1: persistent_workers": ["False"],
            "loader_seed:loader 0": seeds,
            "loader_seed:loader 1": [191369442034012508, 1550626922341910133],
            "loader_batches:loader 0": [1, 1, 1, 1],
            "loader_batches:loader 1": [2],
            "sampler_epoch:DistributedSampler": [0, 1],
            f"log_line:{iterator} torch.utils.data.dataloader": [1],
        },
    )


_CONFIGURATION: Final = (
    Specimen(
        id="arguments-before-torch",
        words=("seams/arguments.py", "--lr", "0.2"),
        updates=2,
        expects={
            "config:lr": ["0.2"],
            "config:betas": ["[0.9, 0.95]"],
            "config:name": ["'plain'"],
            "config:GLOBAL_SETTING": ["7"],
            "config_source:argparse": ["3 keys"],
            "config_source:globals of the script": ["1 keys"],
            "environment:python": [platform.python_version()],
            "environment:torch": [str(torch.__version__)],
            "environment:threads": ["1"],
            "environment:OMP_NUM_THREADS": ["1"],
            "call_site:seeding": at("seams/arguments.py", 16, "main"),
            "call_site:step": at("seams/arguments.py", 21, "main"),
            "source_file": ["25 lines, 1 functions, 0 classes"],
        },
    ),
    configuration("dataclass", "dataclass Settings"),
    configuration("namespace", "namespace"),
    configuration("dictionary", "dictionary config"),
    configuration("pydantic", "pydantic model Outer", "pydantic"),
    configuration("omegaconf", "OmegaConf", "omegaconf"),
    Specimen(
        id="switches",
        words=("seams/switches.py",),
        updates=4,
        expects={
            "arithmetic:cuda matmul float32": ["tf32", "ieee"],
            "arithmetic:cudnn convolution float32": ["tf32"],
            "arithmetic:cudnn rnn float32": ["tf32", "ieee"],
            "arithmetic:mkldnn matmul float32": ["ieee"],
            "arithmetic:cudnn benchmark": ["True"],
            "arithmetic:default dtype": ["torch.float32"],
        },
    ),
    Specimen(
        id="strangers-are-not-touched", words=("seams/stranger.py",), faithful=True, updates=1, expects={"updates": [1]}
    ),
)

_RANDOMNESS: Final = (
    Specimen(
        id="seeds",
        words=("seams/seeds.py",),
        updates=3,
        expects={
            "seeding:torch.manual_seed": ["11", "101", "102"],
            "seeding:torch.cuda.manual_seed_all": ["12"],
            "seeding:random.seed": ["13"],
            "seeding:numpy.random.seed": ["14"],
            "seeding:numpy.random.default_rng": ["15"],
        },
    ),
    draws("data", outside=1),
    draws("forward", forward=1),
    draws("evaluation", evaluation=1),
    draws("python"),
)

_LOADERS: Final = (
    loaders(0, "_SingleProcessDataLoaderIter"),
    loaders(2, "_MultiProcessingDataLoaderIter"),
    Specimen(
        id="sampler-of-its-own",
        words=("seams/own_sampler.py",),
        updates=2,
        expects={"sampler_epoch:Own": [4, 7], "loader_epoch": ["Own, batch size 2, drop_last False, 0 workers"] * 2},
    ),
)

_LOOP: Final = (
    Specimen(
        id="modes",
        words=("seams/modes.py",),
        updates=2,
        expects={
            "mode_switch:Frozen": ["train", "eval", "train", "eval"],
            "mode_switch:BatchNorm1d": ["eval", "eval"],
        },
    ),
    Specimen(
        id="replaced-buffer",
        words=("seams/replaces_buffer.py",),
        updates=3,
        # One is seen as soon as the one before it is gone, which is for the interpreter to decide.
        warm=False,
        expects={"buffer:memory": lambda found: len(found) >= 2, "buffer:constant": [], "buffer_initial": times(2)},
    ),
    Specimen(
        id="compiled",
        words=("seams/compiled.py",),
        faithful=True,
        updates=2,
        expects={"log_value:graphs {} {}#0": [1.0], "seeding:torch.manual_seed": ["0"]},
        lacks=("mode_switch",),
    ),
    scheduler("onecycle", [0.008000000000000007, 0.026334368540005065, 0.13366563145999494, 0.18166563145999495]),
    scheduler("sequential", [0.1, 0.1, 0.05, 0.025]),
    scheduler("chained", [0.1, 0.05, 0.0125, 0.00625]),
    scheduler("plateau", [0.1, 0.1, 0.025, 0.0125]),
    scheduler("restarts", [0.1, 0.08535533905932738, 0.014644660940672627, 0.1]),
    scheduler("own", [0.1] * 4),
    Specimen(
        id="clearing",
        words=("seams/clearing.py",),
        updates=4,
        expects={"zero_grad": [1, 2, 0], "carried_gradients": [0, 0, 0, 2]},
    ),
)

_CONDUCT: Final = (
    law("sound", level="full", causality=[0], loss_dtype=["float32"], clip_scale=[1.0] * 8),
    law("untied", weights_loaded=["head.weight and embedding.weight"]),
    law("stepped-twice", repeated_steps=[1] * 8),
    law("unheld", unheld_gradient=[1]),
    law("froze-later", trainable=[0], carried_gradients=[0] * 8),
    law("evaluated-in-train", eval_influence=["random numbers drawn"], eval_draws=[1, 1]),
)

_RANKS: Final = (
    replicas("flag", 0),
    replicas("context", 2),
    Specimen(
        id="collectives",
        words=("seams/collectives.py",),
        world=2,
        warm=False,
        updates=2,
        expects={
            "collective:broadcast": [16],
            "collective:all_reduce": [16, 4, 16] * 2,
            "collective:all_gather_object": [0, 0],
            "collective:all_gather": [36, 36],
            "collective:isend": [20, 20],
            "collective:barrier": [0, 0],
        },
    ),
)

_OUTPUT: Final = (
    Specimen(
        id="resumed",
        words=("seams/resumed.py",),
        updates=3,
        expects={
            "optimizer_state_initial": times(1),
            "optimizer_state_initial:weight/momentum_buffer": times(1),
            "optimizer_state:weight/momentum_buffer": times(3),
        },
    ),
    Specimen(
        id="saves",
        words=("seams/saves.py", OUT),
        faithful=True,
        updates=2,
        expects={
            "checkpoint_file:{out}/state.pt": [1],
            "checkpoint_file:{out}/open.pt": [1],
            "checkpoint_file:(in memory)": [1],
            "checkpoint_file:{out}/whole.tmp": [1],
            "checkpoint_moved:{out}/whole.tmp": [1],
            "checkpoint_moved:{out}/state.pt": [],
            "checkpoint_kind:{out}/state.pt::model.weight": ["float32[1, 2]"],
            "checkpoint_tensor:{out}/state.pt::model.weight": some,
            "checkpoint_value:{out}/state.pt::settings.width": ["4"],
            "checkpoint_value:{out}/state.pt::arguments.lr": ["0.5"],
            "checkpoint_kind:{out}/state.pt::random.1": ["tuple of 625"],
            "checkpoint_tensor:{out}/state.pt::random.1": some,
            "checkpoint_kind:{out}/state.pt::numpy": ["int64[3]"],
            "checkpoint_tensor:{out}/state.pt::numpy": some,
            "checkpoint_value:{out}/state.pt::step": ["2"],
            "checkpoint_value:{out}/state.pt::path": ["'{out}/x'"],
            "checkpoint_kind:{out}/state.pt::empty": ["dict"],
            "checkpoint_kind:{out}/state.pt::storage": ["UntypedStorage"],
        },
    ),
    Specimen(
        id="safetensors-before-torch",
        words=("seams/tensors.py", OUT),
        faithful=True,
        updates=1,
        expects={
            "checkpoint_file": [1, 1],
            "checkpoint_kind:{out}/model.safetensors::weight": ["float32[1, 2]"],
            "checkpoint_tensor": lambda found: len(found) == 2 and len(set(found)) == 1,
            "file_written:{out}/model.safetensors": ["written"],
        },
        requires=("safetensors",),
    ),
    Specimen(
        id="distributed-checkpoint",
        words=("seams/shards.py", OUT),
        faithful=True,
        updates=1,
        expects={
            "checkpoint_file:{out}/now": [1],
            "checkpoint_file:{out}/later": [1],
            "checkpoint_file:{out}/writer": [1],
            "checkpoint_kind:{out}/later::model.weight": ["float32[1, 2]"],
            "checkpoint_value": ["1", "1", "1"],
            "checkpoint_tensor": lambda found: len(found) == 3 and len(set(found)) == 1,
        },
    ),
    Specimen(
        id="files",
        words=("seams/files.py", OUT),
        faithful=True,
        updates=1,
        expects={
            "file_written:{out}/text.log": ["written"],
            "file_written:{out}/binary.bin": ["written"],
            "file_written:{out}/descriptor.bin": ["written"],
            "file_written:{out}/run.json": ["renamed from run.tmp"],
            "file_written:{out}/gone.txt": ["written and removed"],
            "file_written:{out}/after_chdir.txt": ["written"],
            "file_written": lambda found: len(found) == 7,
            "table_file:{out}/run.json": ["left"],
            "table_file": ["left"],
        },
    ),
    Specimen(
        id="signals",
        words=("seams/handlers.py",),
        updates=3,
        expects={
            "signal_handler:SIGTERM": ["handled", "default"],
            "signal_handler:SIGHUP": ["ignored"],
            "signal_handler:SIGUSR1": ["handled"],
        },
    ),
    Specimen(
        id="prints",
        words=("seams/prints.py",),
        faithful=True,
        updates=2,
        expects={
            "log_line:step {} loss {}": [1, 1],
            "log_value:step {} loss {}#1": [0.5, 1.5],
            "log_value:norm {}#0": [1.25, 1.25],
            "log_line:two": [1],
            "log_value:lines { } {}#0": [3.0],
            "log_value:{}%#0": [100.0],
            "log_value:no end {}#0": [4.0],
            "log_line:hidden {}": [],
        },
    ),
    Specimen(
        id="clock",
        words=("seams/reads_clock.py",),
        updates=2,
        attachments={"clock": {}},
        expects={
            "log_value:iter {}: took {}s, elapsed {}s, {} it/s#1": [1.0, 1.0],
            "log_value:iter {}: took {}s, elapsed {}s, {} it/s#2": [1.0, 2.0],
            "log_value:iter {}: took {}s, elapsed {}s, {} it/s#3": [1.0, 1.0],
            "log_value:iter {}: in all {} ns, date {}#1": [1e9, 2e9],
            "log_value:iter {}: in all {} ns, date {}#2": [2001.0, 2001.0],
        },
    ),
    Specimen(
        id="exception",
        words=("seams/fails.py",),
        updates=2,
        exit_status=1,
        expects={"exception": ["ValueError: no more data at 2"], "updates": [2]},
    ),
    Specimen(
        id="exception-inside-a-module",
        words=("seams/fails_inside.py",),
        faithful=True,
        updates=1,
        exit_status=1,
        expects={"exception": ["RuntimeError: the model gives up"]},
    ),
)

_TRACKERS: Final = (
    tracker(
        "tensorboard",
        "",
        config=False,
        requires="tensorboard",
        more={"file_written:{out}/events.out.tfevents.{time}": ["written"]},
    ),
    tracker("trackio", "", requires="trackio"),
    tracker("wandb-disabled", "mode disabled, project demo", requires="wandb"),
    tracker("wandb-offline", "mode offline, project demo", requires="wandb"),
    tracker("wandb-run", "mode disabled, project demo", requires="wandb"),
    tracker(
        "wandb-login",
        "mode online, project demo",
        requires="wandb",
        more={"log_line:no credentials": [1], "log_line:not logged in": [1, 1]},
    ),
)

_NOISE: Final = (
    Specimen(
        id="samples",
        words=("variants.py", "merged", "--updates=2"),
        updates=2,
        attachments={"consumption": {}},
        expects={"micro_steps": [2, 2], "samples": lambda found: len(set(found)) == 2, "sample": []},
    ),
    Specimen(
        id="samples-one-by-one",
        words=("variants.py", "merged", "--updates=2"),
        updates=2,
        attachments={"consumption": {"rows": True}},
        expects={"sample": lambda found: len(found) == len(set(found)) > 4},
    ),
)

_CHARTS: Final = (
    Specimen(
        id="charts",
        words=("seams/charts.py", OUT),
        updates=2,
        expects={
            "chart:{out}/lines.png": ["'two axes', 2 axes"],
            "chart:{out}/lines.png::0": [
                "title 'Lines', x 'Step (linear)', y 'Loss (log)', legend 'rising, falling', 2 lines"
            ],
            "chart:{out}/lines.png::1": ["x ' (linear)', y ' (linear)', 1 collections, 1 tables"],
            "chart:(in memory)": ["'two axes', 2 axes"],
            "chart:{out}/pyplot.png": ["'', 1 axes"],
            "chart:{out}/closed.png": ["blank"],
            # A range, a list and an array of the same numbers are the same series.
            "chart_series:{out}/lines.png::0 line 0": lambda found: found == [f"{CHART_LINE:016x}"],
            "chart_series:{out}/pyplot.png::0 line 0": lambda found: found == [f"{CHART_LINE:016x}"],
            "chart_series:{out}/lines.png::1 table 0": times(1),
        },
        requires=("matplotlib",),
    ),
)

SEAMS: Final = (
    *(*_NOISE, *_CONFIGURATION, *_RANDOMNESS, *_LOADERS, *_LOOP),
    *(*_CONDUCT, *_RANKS, *_OUTPUT, *_TRACKERS, *_CHARTS),
)
