"""The network: in torch for training, and as the ONNX graph that is shipped.

Each token has a vector of `DIM` numbers and a gate. A piece of text becomes the gated mean of its vectors; the ask becomes
three such means (over all of it, weighted to its start, weighted to its end) and the maximum of a small convolution over
neighbouring tokens. These, the features and two dense layers give logits for the tier and for the task.

The convolution is linear in the vectors before its threshold, so in the shipped graph it is three more columns blocks of
the token table: looked up, shifted, added. Nothing in the graph grows with anything but the number of tokens.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

DIM, CONV, HIDDEN = 64, 32, 96
MAX_TOKENS = 640
REACH = 24.0  # tokens over which the weight towards start and end falls to 1/e


def decay() -> np.ndarray:
    """The weight of a token at each distance from the start (or end) of the ask."""
    return np.exp(-np.arange(MAX_TOKENS, dtype=np.float32) / REACH) + np.float32(1e-4)


class Network(nn.Module):
    """Tier, task and source logits of a padded batch."""

    def __init__(self, vocabulary: int, features: int, tasks: int, sources: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(vocabulary, DIM)
        self.gates = nn.Embedding(vocabulary, 1)
        nn.init.normal_(self.vectors.weight, std=0.1)
        nn.init.zeros_(self.gates.weight)
        self.near = nn.Linear(DIM, 3 * CONV)
        self.body = nn.Linear(DIM * 5 + CONV + features, HIDDEN)
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
        """The three means of the ask and the maximum of its convolution."""
        there = ids > 0
        vectors = self.vectors(ids)
        gate = torch.exp(self.gates(ids).squeeze(2)) * there
        place = torch.arange(ids.shape[1])
        from_end = (there.sum(1, keepdim=True) - 1 - place).clamp(min=0)
        weights = torch.stack([gate, gate * self.decay[place], gate * self.decay[from_end]], 1)
        means = (weights / weights.sum(2, keepdim=True)).bmm(vectors)
        left, middle, right = (self.near(vectors) * there.unsqueeze(2)).chunk(3, 2)
        gap = torch.zeros_like(left[:, :1])
        summed = torch.cat([gap, left[:, :-1]], 1) + middle + torch.cat([right[:, 1:], gap], 1)
        peak = (torch.relu(summed) * there.unsqueeze(2)).amax(1)
        return torch.cat([means.flatten(1), peak], 1)


def export(network: Network, temperature: float, knots: tuple[float, float], thresholds: tuple[float, float]) -> bytes:
    """The shipped graph. `knots` are the raw scores that `thresholds` stand for; between them the score is linear."""
    graph = _Graph()
    weight = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    gate = np.exp(weight["gates.weight"])
    near = weight["vectors.weight"] @ weight["near.weight"].T + weight["near.bias"]
    graph.constant("table", np.concatenate([gate, weight["vectors.weight"], near], 1).astype(np.float16))
    _ask(graph)
    for piece in ("context", "system"):
        rows = graph.rows("table", piece)
        gates, vectors, _ = graph.split(rows, (1, DIM, 3 * CONV))
        graph.node("MatMul", [graph.node("Transpose", [graph.normalised(gates, 0)]), vectors], out=f"{piece}_pool")
    graph.constant("mean", weight["mean"])
    graph.constant("scale", weight["scale"])
    scaled = graph.node("Mul", [graph.node("Sub", ["features", "mean"]), "scale"])
    everything = graph.node("Concat", ["ask_pool", "context_pool", "system_pool", scaled], axis=1)
    hidden = graph.node("Relu", [graph.dense(everything, "body", weight)])
    tier = graph.node("Div", [graph.dense(hidden, "tier", weight), graph.constant("temperature", np.float32(temperature))])
    graph.node("Reshape", [graph.node("Softmax", [tier], axis=1), graph.constant("flat", np.array([-1], np.int64))], out="tiers")
    graph.node("Reshape", [graph.node("Softmax", [graph.dense(hidden, "task", weight)], axis=1), "flat"], out="tasks")
    _score(graph, knots, thresholds)
    return graph.model(len(weight["mean"]), len(weight["task.bias"]))


def _ask(graph: _Graph) -> None:
    rows = graph.rows("table", "ask")
    gates, vectors, left, middle, right = graph.split(rows, (1, DIM, CONV, CONV, CONV))
    graph.constant("one", np.array([1], np.int64))
    graph.constant("zero", np.array([0], np.int64))
    graph.constant("all", np.array([MAX_TOKENS], np.int64))
    count = graph.node("Shape", ["ask"])
    column = decay()[:, None]
    start = graph.node("Slice", [graph.constant("from_start", column), "zero", count, "zero"])
    end = graph.node("Slice", [graph.constant("from_end", column[::-1].copy()), graph.node("Sub", ["all", count]), "all", "zero"])
    weights = graph.node("Concat", [gates, graph.node("Mul", [gates, start]), graph.node("Mul", [gates, end])], axis=1)
    means = graph.node("MatMul", [graph.node("Transpose", [graph.normalised(weights, 0)]), vectors])
    gap = graph.constant("gap", np.zeros((1, CONV), np.float32))
    minus = graph.constant("minus_one", np.array([-1], np.int64))
    before = graph.node("Concat", [gap, graph.node("Slice", [left, "zero", minus, "zero"])], axis=0)
    after = graph.node("Concat", [graph.node("Slice", [right, "one", "all", "zero"]), gap], axis=0)
    summed = graph.node("Add", [graph.node("Add", [before, middle]), after])
    peak = graph.node("Relu", [graph.node("ReduceMax", [summed, "zero"], keepdims=1)])
    flat = graph.node("Reshape", [means, graph.constant("means", np.array([1, 3 * DIM], np.int64))])
    graph.node("Concat", [flat, peak], axis=1, out="ask_pool")


def _score(graph: _Graph, knots: tuple[float, float], thresholds: tuple[float, float]) -> None:
    """Raw score 0.5 P(standard) + P(complex), bent so that each knot lands on its threshold."""
    raw = graph.node("MatMul", ["tiers", graph.constant("worth", np.array([[0.0], [0.5], [1.0]], np.float32))])
    xs, ys = (0.0, *knots, 1.0), (0.0, *thresholds, 1.0)
    low = np.array(xs[:-1], np.float32)
    width = np.diff(np.array(xs, np.float32))
    slope = np.diff(np.array(ys, np.float32)) / width
    inside = graph.node("Min", [graph.node("Relu", [graph.node("Sub", [raw, graph.constant("low", low)])]), graph.constant("width", width)])
    graph.node(
        "Clip",
        [
            graph.node("MatMul", [inside, graph.constant("slope", slope[:, None])]),
            graph.constant("floor", np.float32(0)),
            graph.constant("ceiling", np.float32(1)),
        ],
        out="score",
    )


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

    def rows(self, table: str, ids: str) -> str:
        return self.node("Cast", [self.node("Gather", [table, ids])], to=TensorProto.FLOAT)

    def split(self, source: str, sizes: tuple[int, ...]) -> list[str]:
        parts = [f"t{len(self.nodes)}_{index}" for index in range(len(sizes))]
        self.constant(f"sizes{len(self.nodes)}", np.array(sizes, np.int64))
        self.nodes.append(helper.make_node("Split", [source, self.constants[-1].name], parts, axis=1))
        return parts

    def normalised(self, weights: str, axis: int) -> str:
        axes = self.constant(f"axes{len(self.nodes)}", np.array([axis], np.int64))
        return self.node("Div", [weights, self.node("ReduceSum", [weights, axes], keepdims=1)])

    def dense(self, source: str, layer: str, weight: dict[str, np.ndarray]) -> str:
        self.constant(f"{layer}.weight", weight[f"{layer}.weight"])
        self.constant(f"{layer}.bias", weight[f"{layer}.bias"])
        return self.node("Gemm", [source, f"{layer}.weight", f"{layer}.bias"], transB=1)

    def model(self, features: int, tasks: int) -> bytes:
        def value(name: str, kind: int, shape: list[int | str]) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, kind, shape)

        inputs = [value(name, TensorProto.INT64, [f"{name}_tokens"]) for name in ("ask", "context", "system")]
        inputs.append(value("features", TensorProto.FLOAT, [1, features]))
        outputs = [value(name, TensorProto.FLOAT, [size]) for name, size in (("score", 1), ("tiers", 3), ("tasks", tasks))]
        graph = helper.make_graph(self.nodes, "tiermesh-classifier", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="tiermesh")
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)
