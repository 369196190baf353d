"""Fit the shockable-rhythm network with PyTorch, and fold it into the engine's weight vector."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from teleward_gateway.training.shockable_examples import FRAMES, Examples
from teleward_signal.ecg.shockable_net import N_WEIGHTS, SHAPES
from teleward_signal.ecg.shockable_state import HIDDEN, LONG, N_OUT, SHORT, TAPS, WIDTHS

PEAK_RATE, DECAY = 6e-3, 2e-3
REPORT_EVERY = 100


class Network(nn.Module):
    """The network of `teleward_signal.ecg.shockable_net`, whole stretches at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(2, WIDTHS[0], TAPS[0], 2, bias=False)
        self.first_norm = nn.BatchNorm1d(WIDTHS[0])
        self.depth, self.point, self.norm = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for n_in, n_out, taps in zip(WIDTHS[:-1], WIDTHS[1:], TAPS[1:], strict=True):
            self.depth.append(nn.Conv1d(n_in, n_in, taps, 2, groups=n_in, bias=False))
            self.point.append(nn.Conv1d(n_in, n_out, 1, bias=False))
            self.norm.append(nn.BatchNorm1d(n_out))
        self.hidden = nn.Conv1d(3 * WIDTHS[-1], HIDDEN, 1)
        self.out = nn.Conv1d(HIDDEN, N_OUT, 1)
        self.drop = nn.Dropout(0.15)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return log odds, shape (n, 5, frames), of input of shape (n, 2, samples)."""
        x = functional.relu(self.first_norm(self.first(functional.pad(x, (TAPS[0] - 1, 0)))))
        for depth, point, norm, taps in zip(
            self.depth, self.point, self.norm, TAPS[1:], strict=True
        ):
            x = functional.relu(norm(point(depth(functional.pad(x, (taps - 1, 0))))))
        all_rows = functional.pad(x, (LONG - 1, 0))
        recent = functional.pad(x, (SHORT - 1, 0))
        found = torch.cat(
            [
                functional.avg_pool1d(all_rows, LONG, 1),
                functional.avg_pool1d(recent, SHORT, 1),
                functional.max_pool1d(all_rows, LONG, 1),
            ],
            1,
        )
        result: torch.Tensor = self.out(functional.relu(self.hidden(self.drop(found))))
        return result


def fit(examples: Examples, steps: int, seed: int, name: str) -> NDArray[np.float32]:
    """Return the weights after ``steps`` batches; the same seed gives the same weights."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, steps, pct_start=0.2)
    total = 0.0
    for step in range(1, steps + 1):
        batch = examples.batch()
        odds = network(torch.from_numpy(batch.channels)).transpose(1, 2)[:, :FRAMES]
        logs = torch.log_softmax(odds, -1) + torch.log(torch.from_numpy(batch.allowed) + 1e-6)
        weights = torch.from_numpy(batch.weights)
        loss = (-torch.logsumexp(logs, -1) * weights).sum() / weights.sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % REPORT_EVERY == 0:
            print(f"{name}: step {step}, loss {total / REPORT_EVERY:.4f}", flush=True)
            total = 0.0
    network.eval()
    return folded(network)


def folded(network: Network) -> NDArray[np.float32]:
    """Return the engine's weight vector: batch normalisation folded, rows as the kernels walk."""
    with torch.no_grad():
        kernel, bias = _fold(network.first.weight, network.first_norm)
        parts = [kernel.transpose(2, 1, 0), bias]
        for depth, point, norm in zip(network.depth, network.point, network.norm, strict=True):
            kernel, bias = _fold(point.weight, norm)
            deep: NDArray[np.float64] = depth.weight.double().numpy()
            parts += [deep[:, 0].T, kernel[:, :, 0].T, bias]
        for dense in (network.hidden, network.out):
            parts += [dense.weight.double().numpy()[:, :, 0].T, dense.bias.double().numpy()]
    assert [part.shape for part in parts] == list(SHAPES)
    vector = np.concatenate([part.astype(np.float32).ravel() for part in parts])
    assert len(vector) == N_WEIGHTS
    return vector


def _fold(
    weight: torch.Tensor, norm: nn.BatchNorm1d
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.double() - scale * norm.running_mean.double()
    kernel: NDArray[np.float64] = (weight.double() * scale[:, None, None]).numpy()
    shift: NDArray[np.float64] = bias.numpy()
    return kernel, shift
