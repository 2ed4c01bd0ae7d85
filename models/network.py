"""The network: in torch for training, and as the ONNX graph that is shipped.

Each token has a vector of `DIM` numbers and a gate. A piece of text becomes the gated mean of its vectors; the ask becomes
three such means: over all of it, weighted to its start, weighted to its end. These, the features and two dense layers give
logits for the tier and for the task.

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

DIM, HIDDEN = 64, 96
MAX_TOKENS = 768  # more than the window has characters


def decay() -> np.ndarray:
    """The weight of a token at each distance from the start (or end) of the ask."""
    return np.array([manifest.decay(place) for place in range(MAX_TOKENS)], np.float32)


class Network(nn.Module):
    """Tier, task and source logits of a padded batch."""

    def __init__(self, vocabulary: int, features: int, tasks: int, sources: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(vocabulary, DIM)
        self.gates = nn.Embedding(vocabulary, 1)
        nn.init.normal_(self.vectors.weight, std=0.1)
        nn.init.zeros_(self.gates.weight)
        self.body = nn.Linear(DIM * len(manifest.POOLS) + features, HIDDEN)
        self.tier = nn.Linear(HIDDEN, 3)
        self.task = nn.Linear(HIDDEN, tasks)
        self.source = nn.Linear(HIDDEN, sources)
        self.drop_in, self.drop = nn.Dropout(0.25), nn.Dropout(0.3)
        self.register_buffer("decay", torch.from_numpy(decay()))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, ask: Tensor, context: Tensor, system: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (tier, task, source). Tokens are [batch, length], padded with 0."""
        pooled = torch.cat([self.ask_pools(ask), self.pool(context), self.pool(system)], 1)
        scaled = (features - self.mean) * self.scale
        hidden = self.drop(torch.relu(self.body(torch.cat([self.drop_in(pooled), scaled], 1))))
        return self.tier(hidden), self.task(hidden), self.source(hidden)

    def pool(self, ids: Tensor) -> Tensor:
        """The gated mean of a piece."""
        weight = torch.exp(self.gates(ids).squeeze(2)) * (ids > 0)
        return (weight / weight.sum(1, keepdim=True)).unsqueeze(1).bmm(self.vectors(ids)).squeeze(1)

    def ask_pools(self, ids: Tensor) -> Tensor:
        """The three means of the ask."""
        there = ids > 0
        gate = torch.exp(self.gates(ids).squeeze(2)) * there
        place = torch.arange(ids.shape[1])
        from_end = (there.sum(1, keepdim=True) - 1 - place).clamp(min=0)
        weights = torch.stack([gate, gate * self.decay[place], gate * self.decay[from_end]], 1)
        return (weights / weights.sum(2, keepdim=True)).bmm(self.vectors(ids)).flatten(1)


def export(network: Network, temperature: float, knots: tuple[float, float], thresholds: tuple[float, float]) -> bytes:
    """The shipped graph. `knots` are the raw scores that `thresholds` stand for; between them the score is linear."""
    graph = _Graph()
    weight = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    pools, tasks = len(manifest.POOLS), len(weight["task.bias"])
    gate = np.exp(weight["gates.weight"])
    rows = graph.node("Gather", [graph.constant("table", np.concatenate([gate, gate * weight["vectors.weight"]], 1)), "ids"])
    gates, sums = graph.split(graph.node("MatMul", ["weights", rows]), (1, DIM))
    means = graph.node("Reshape", [graph.node("Div", [sums, gates]), graph.constant("flat", np.array([1, pools * DIM], np.int64))])
    body = weight["body.weight"].copy()
    body[:, pools * DIM :] *= weight["scale"]
    bias = weight["body.bias"] - body[:, pools * DIM :] @ weight["mean"]
    hidden = graph.node("Relu", [graph.dense(graph.node("Concat", [means, "features"], axis=1), "body", body, bias)])
    last = np.concatenate([weight["tier.weight"] / temperature, weight["task.weight"]])
    logits = graph.dense(hidden, "last", last, np.concatenate([weight["tier.bias"] / temperature, weight["task.bias"]]))
    tiers, families = (graph.node("Softmax", [part], axis=1) for part in graph.split(logits, (3, tasks)))
    graph.node("Concat", [_score(graph, tiers, knots, thresholds), tiers, families], axis=1, out="verdict")
    return graph.model(len(weight["mean"]), tasks)


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
