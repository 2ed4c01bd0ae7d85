"""The network: in torch for training, and as the ONNX graph that is shipped.

Each token has a vector of `DIM` numbers and a gate, which are those a sentence encoder knows of it (`words.py`), projected, plus
a part of its own. A piece of text becomes the gated mean of its vectors; the ask becomes
three such means: over all of it, weighted to its start, weighted to its end. These, the features and two dense layers give
logits for the tier and for the task. `MEMBERS` such networks, trained side by side from different starts, share the reading;
the mean of their logits counts.

In the shipped graph gates are multiplied into the vectors and the five means are one product of the weights that come in with
the rows of the tokens. The scale of the features, the temperature and the shape of the score are in the dense layers.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from extproc.classify import manifest

MEMBERS, DIM, HIDDEN = 2, 64, 96
OWN_DROPPED = 0.3
MAX_TOKENS = 768  # more than the window has characters


def decay() -> np.ndarray:
    """The weight of a token at each distance from the start (or end) of the ask."""
    return np.array([manifest.decay(place) for place in range(MAX_TOKENS)], np.float32)


class Network(nn.Module):
    """Tier, task and source logits of a padded batch, of each member: [batch, member, class]."""

    def __init__(self, known: Tensor, features: int, tasks: int, sources: int) -> None:
        """`known` is what is known of each token beforehand: [token, number]."""
        super().__init__()
        self.register_buffer("known", known)
        reach = known.shape[1] ** -0.5
        self.project = nn.Parameter(torch.empty(known.shape[1], MEMBERS * (1 + DIM)).uniform_(-reach, reach))
        self.project.data[:, :MEMBERS] = 0
        self.own = nn.Embedding(len(known), MEMBERS * (1 + DIM))
        nn.init.zeros_(self.own.weight)
        self.body = Dense(DIM * len(manifest.POOLS) + features, HIDDEN)
        self.tier = Dense(HIDDEN, 3)
        self.task = Dense(HIDDEN, tasks)
        self.source = Dense(HIDDEN, sources)
        self.levels = nn.Parameter(torch.zeros(sources))  # of the sources whose rows have a rank
        self.drop_in, self.drop = nn.Dropout(0.25), nn.Dropout(0.3)
        self.register_buffer("decay", torch.from_numpy(decay()))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, ask: Tensor, context: Tensor, system: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (tier, task, source). Tokens are [batch, length], padded with 0."""
        pooled = torch.cat([self.pools(ask, ends=True), self.pools(context), self.pools(system)], 2)
        scaled = ((features - self.mean) * self.scale).unsqueeze(1).expand(-1, MEMBERS, -1)
        hidden = self.drop(torch.relu(self.body(torch.cat([self.drop_in(pooled), scaled], 2))))
        return self.tier(hidden), self.task(hidden), self.source(hidden)

    def pools(self, ids: Tensor, *, ends: bool = False) -> Tensor:
        """The gated mean of a piece, and with `ends` those weighted to its start and to its end: [batch, member, numbers]."""
        there = ids > 0
        own = self.own(ids)
        if self.training:  # what is learnt of a token itself is not there for those that training never sees
            own = own * (torch.rand(*ids.shape, 1) >= OWN_DROPPED)
        gates, vectors = (self.known[ids] @ self.project + own).split((MEMBERS, MEMBERS * DIM), 2)
        gate = torch.exp(gates) * there.unsqueeze(2)
        weights = [gate]
        if ends:
            place = torch.arange(ids.shape[1])
            from_end = (there.sum(1, keepdim=True) - 1 - place).clamp(min=0)
            weights += [gate * self.decay[place].unsqueeze(1), gate * self.decay[from_end].unsqueeze(2)]
        by_member = torch.stack(weights, 3).permute(0, 2, 3, 1)  # [batch, member, pool, token]
        vectors = vectors.unflatten(2, (MEMBERS, DIM)).transpose(1, 2)
        return ((by_member / by_member.sum(3, keepdim=True)) @ vectors).flatten(2)


class Dense(nn.Module):
    """A dense layer for each member."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        reach = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(MEMBERS, inputs, outputs).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(MEMBERS, 1, outputs).uniform_(-reach, reach))

    def forward(self, values: Tensor) -> Tensor:
        """[batch, member, inputs] to [batch, member, outputs]."""
        return torch.baddbmm(self.bias, values.transpose(0, 1), self.weight).transpose(0, 1)


def export(network: Network, temperature: float, knots: tuple[float, float], thresholds: tuple[float, float]) -> bytes:
    """The shipped graph. `knots` are the raw scores that `thresholds` stand for; between them the score is linear."""
    graph = _Graph()
    weight = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    pools, tasks = len(manifest.POOLS), weight["task.bias"].shape[2]
    rows = graph.node("Gather", [graph.constant("table", _table(weight)), "ids"])
    gates, sums = graph.split(graph.node("MatMul", ["weights", graph.node("Cast", [rows], to=TensorProto.FLOAT)]), (MEMBERS, MEMBERS * DIM))
    gates = graph.node("Reshape", [gates, graph.constant("gates", np.array([pools, MEMBERS, 1], np.int64))])
    sums = graph.node("Reshape", [sums, graph.constant("sums", np.array([pools, MEMBERS, DIM], np.int64))])
    flat = graph.constant("flat", np.array([1, pools * MEMBERS * DIM], np.int64))
    means = graph.node("Reshape", [graph.node("Div", [sums, gates]), flat])
    hidden = graph.node("Relu", [graph.dense(graph.node("Concat", [means, "features"], axis=1), "body", *_body(weight))])
    last = np.concatenate([weight["tier.weight"] / temperature, weight["task.weight"]], 2).reshape(MEMBERS * HIDDEN, -1).T / MEMBERS
    bias = np.concatenate([weight["tier.bias"] / temperature, weight["task.bias"]], 2).mean((0, 1))
    logits = graph.dense(hidden, "last", last, bias)
    tiers, families = (graph.node("Softmax", [part], axis=1) for part in graph.split(logits, (3, tasks)))
    graph.node("Concat", [_score(graph, tiers, knots, thresholds), tiers, families], axis=1, out="verdict")
    return graph.model(len(weight["mean"]), tasks)


def _table(weight: dict[str, np.ndarray]) -> np.ndarray:
    """The row of each token: its gates, and its vectors multiplied with them, in half precision."""
    rows = weight["known"] @ weight["project"] + weight["own.weight"]
    gates = np.exp(rows[:, :MEMBERS])
    return np.concatenate([gates, np.repeat(gates, DIM, 1) * rows[:, MEMBERS:]], 1).astype(np.float16)


def _body(weight: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The members' first layers as one: each reads its own means, in the order [pool, member, number], and all features."""
    pooled = len(manifest.POOLS) * DIM
    body, bias = weight["body.weight"].transpose(0, 2, 1).copy(), weight["body.bias"][:, 0].copy()
    body[:, :, pooled:] *= weight["scale"]
    bias -= body[:, :, pooled:] @ weight["mean"]
    wide = np.zeros((MEMBERS, HIDDEN, len(manifest.POOLS), MEMBERS, DIM), np.float32)
    for member in range(MEMBERS):
        wide[member, :, :, member] = body[member, :, :pooled].reshape(HIDDEN, -1, DIM)
    joined = np.concatenate([wide.reshape(MEMBERS * HIDDEN, -1), body[:, :, pooled:].reshape(MEMBERS * HIDDEN, -1)], 1)
    return joined, bias.reshape(-1)


def _score(graph: _Graph, tiers: str, knots: tuple[float, float], thresholds: tuple[float, float]) -> str:
    """Raw score 0.5 P(standard) + P(complex), bent so that each knot lands on its threshold: a sum of one hinge for each slope."""
    slopes = np.diff((0.0, *thresholds, 1.0)) / np.diff((0.0, *knots, 1.0))
    worth = np.repeat(np.array([[0.0, 0.5, 1.0]]), 3, axis=0)
    hinges = graph.node("Relu", [graph.dense(tiers, "hinges", worth, -np.array((0.0, *knots)))])
    return graph.dense(hinges, "bend", np.diff(slopes, prepend=0.0)[None], np.zeros(1))


class _Graph:
    """ONNX nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], *, out: str = "", **attributes: object) -> str:
        out = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def split(self, source: str, sizes: tuple[int, ...]) -> list[str]:
        parts = [f"t{len(self.nodes)}_{index}" for index in range(len(sizes))]
        self.constant(f"sizes{len(self.nodes)}", np.array(sizes, np.int64))
        self.nodes.append(helper.make_node("Split", [source, self.constants[-1].name], parts, axis=1))
        return parts

    def dense(self, source: str, name: str, weight: np.ndarray, bias: np.ndarray) -> str:
        self.constant(f"{name}.weight", weight.astype(np.float32))
        self.constant(f"{name}.bias", bias.astype(np.float32))
        return self.node("Gemm", [source, f"{name}.weight", f"{name}.bias"], transB=1)

    def model(self, features: int, tasks: int) -> bytes:
        def value(name: str, kind: int, shape: list[int | str]) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, kind, shape)

        inputs = [
            value("ids", TensorProto.INT64, ["tokens"]),
            value("weights", TensorProto.FLOAT, [len(manifest.POOLS), "tokens"]),
            value("features", TensorProto.FLOAT, [1, features]),
        ]
        outputs = [value("verdict", TensorProto.FLOAT, [1, 4 + tasks])]
        graph = helper.make_graph(self.nodes, "tiermesh-classifier", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="tiermesh")
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)
