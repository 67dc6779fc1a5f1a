"""The processes that train one model together: which one this is, its rows, what all agree on."""

import atexit
import copy
import os
import zlib

import torch

__all__ = ["Ranks", "joined"]


class Ranks:
    """The processes of one run. A process alone is rank 0 of 1, and nothing is sent.

    Every method that says "of all" must be called by all ranks, in the same order.

    Args:
        rank: the number of this process.
        size: how many processes there are.
        device: torch.device on which it computes.
        sharded: True if each rank keeps a part of the parameters only.
    """

    def __init__(self, rank=0, size=1, device="cpu", *, sharded=False):
        self.rank, self.size, self.device = rank, size, torch.device(device)
        self.sharded = sharded and size > 1

    @property
    def alone(self):
        """True if there is no other process."""
        return self.size == 1

    def rows(self, chunk):
        """Return this rank's part of the rows ``chunk`` (n,) of a batch.

        Where n is smaller than the number of ranks, those without any get the first row: all must
        call the model equally often.
        """
        own = chunk if self.alone else chunk.tensor_split(self.size)[self.rank]
        return own if len(own) else chunk[:1]

    def most(self, num_rows):
        """Return how many of ``num_rows`` rows the rank with the most of them gets."""
        return -(-num_rows // self.size)

    def seed(self, seed):
        """Return a seed of this rank's own, for what is drawn row by row; rank 0 keeps ``seed``."""
        return (seed + 1_000_003 * self.rank) % 2**32

    def sum(self, *numbers):
        """Return the sums of ``numbers`` over all ranks, in double precision."""
        if self.alone:
            return list(numbers)
        total = torch.tensor(numbers, dtype=torch.float64, device=self._wire)
        torch.distributed.all_reduce(total)
        return total.tolist()

    def wait(self):
        """Wait until all ranks are here."""
        self.sum(0)  # of no numbers, gloo would not wait

    def every(self, flag):
        """Return whether ``flag`` is true on all ranks."""
        return bool(flag) if self.alone else self.sum(float(not flag)) == [0.0]

    def expect_same(self, entries):
        """ValueError on all ranks if an entry of the dict ``entries`` is not the same on all."""
        if self.alone:
            return
        for names in ({"names": sorted(entries)}, entries):
            sums = [zlib.crc32(repr(value).encode()) for value in names.values()]
            rows = self._gathered(sums)
            for name, value, column in zip(names, names.values(), rows.T.tolist(), strict=True):
                other = next((r for r, found in enumerate(column) if found != column[0]), None)
                if other is not None:
                    raise ValueError(
                        f"{name}: expected the same on all {self.size} ranks, got another value "
                        f"on rank {other} than on rank 0; here {value!r:.200}"
                    )

    def blame(self, error):
        """Return in words on which rank ``error`` was raised, and whether another is its cause."""
        lost = isinstance(error, torch.distributed.DistError) or "gloo" in str(error)
        told = ", which lost touch with another rank; look at that one's error" if lost else ""
        return f"on rank {self.rank} of {self.size}{told}"

    def copy_first(self, tensors):
        """Give all ranks the values that rank 0 has in ``tensors``, in place."""
        if not self.alone:
            for tensor in tensors:
                torch.distributed.broadcast(tensor.detach(), 0)

    def replica(self, model, *, unused=False):
        """Return ``model`` in DistributedDataParallel, which averages the gradients of all ranks.

        Args:
            model: the module, on the device.
            unused: True if some parameters get no gradient.
        """
        index = [self.device.index] if self.device.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(
            model, device_ids=index, find_unused_parameters=unused
        )

    def shards(self, model):
        """Return a copy of ``model`` whose parameters are divided among the ranks, by FSDP2.

        The layers of every nn.ModuleList or nn.Sequential are gathered one at a time.
        """
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import FSDPModule, fully_shard

        self.copy_first([*model.parameters(), *model.buffers()])
        mesh = init_device_mesh(self.device.type, (self.size,))
        model = copy.deepcopy(model)
        lists = torch.nn.ModuleList, torch.nn.Sequential
        for module in reversed(list(model.modules())):  # the inner ones first
            for layer in module if isinstance(module, lists) else ():
                again = isinstance(layer, (FSDPModule, torch.nn.ModuleList, torch.nn.ModuleDict))
                if not again and any(True for _ in layer.parameters()):
                    fully_shard(layer, mesh=mesh)
        return model if isinstance(model, FSDPModule) else fully_shard(model, mesh=mesh)

    @torch.no_grad()
    def gather(self, shards, model):
        """Copy the whole parameters of ``shards``, and rank 0's buffers, into ``model``."""
        whole = dict(shards.named_parameters())
        for name, parameter in model.named_parameters():
            parameter.copy_(whole[name].full_tensor())
        for mine, theirs in zip(model.buffers(), shards.buffers(), strict=True):
            mine.copy_(theirs)

    @property
    def _wire(self):
        return self.device if self.device.type == "cuda" else "cpu"

    def _gathered(self, numbers):
        mine = torch.tensor(numbers, dtype=torch.float64, device=self._wire)
        rows = [torch.empty_like(mine) for _ in range(self.size)]
        torch.distributed.all_gather(rows, mine)
        return torch.stack(rows)


def joined(device, *, sharded=False):
    """Return the :class:`Ranks` of this process.

    That is its place in torch's process group, if one was made; in the group that torchrun's
    variables describe, which is then made and lasts until Python ends; or alone.

    Args:
        device: torch.device; "cuda" without a number becomes the one of this rank on its machine.
        sharded: see :class:`Ranks`.
    """
    dist, device = torch.distributed, torch.device(device)
    if not dist.is_available():
        return Ranks(device=device)
    if not dist.is_initialized():
        if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return Ranks(device=device)
        _join(device)
    if device.type == "cuda" and device.index is None:
        number = int(os.environ.get("LOCAL_RANK", dist.get_rank()))
        device = torch.device("cuda", number % torch.cuda.device_count())
        torch.cuda.set_device(device)
    return Ranks(dist.get_rank(), dist.get_world_size(), device, sharded=sharded)


def _join(device):
    dist = torch.distributed
    store, rank, size = next(dist.rendezvous("env://"))
    # Without a name of its own, a restarted group would read the addresses of the one before it.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"attempt {attempt}", store)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    atexit.register(_leave)


def _leave():
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
