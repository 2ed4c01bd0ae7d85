"""The network: in torch for training, and as the ONNX graph that is shipped.

Each token has a vector of `DIM` numbers and a gate, which are those a sentence encoder knows of it (`words.py`), projected, plus
a part of its own. A piece of text becomes the gated mean of its vectors; the ask becomes three such means: over all of it,
weighted to its start, weighted to its end. A layer over each token of the ask and its two neighbours (a convolution of width
three) reads what stands together; its means over the ask, and its greatest values anywhere in it, are added. Because it comes
first, its products with the weights are numbers of the token: they are in a table, and the layer is three sums.

These, the features and two dense layers give logits for the tier and for the task. `MEMBERS` such networks, trained side by side
from different starts, share the reading; the mean of their logits counts. In training the means must also give the encoder's
vector of the whole sentence (`teacher.py`), which the shipped graph has no use for.

In the shipped graph gates are multiplied into the vectors and the means are products of the weights that come in with the rows
of the tokens. The scale of the features, the temperature and the shape of the score are in the dense layers.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from extproc.classify import manifest

MEMBERS, DIM, HIDDEN = 2, 48, 128
NEAR = 40  # numbers of what stands together: a token with its neighbours
ASK_POOLS = 3  # the first of manifest.POOLS, which are of the ask
SENTENCE = 64  # numbers of a sentence vector
OWN_DROPPED = 0.3
MAX_TOKENS = 768  # more than the window has characters
ROW = MEMBERS * (1 + DIM)


def decay() -> np.ndarray:
    """The weight of a token at each distance from the start (or end) of the ask."""
    return np.array([manifest.decay(place) for place in range(MAX_TOKENS)], np.float32)


class Network(nn.Module):
    """Tier, task and source logits of a padded batch, of each member: [batch, member, class]; and the sentence vector."""

    def __init__(self, known: Tensor, features: int, tasks: int, sources: int) -> None:
        """`known` is what is known of each token beforehand: [token, number]."""
        super().__init__()
        self.register_buffer("known", known)
        reach = known.shape[1] ** -0.5
        self.project = nn.Parameter(torch.empty(known.shape[1], ROW + 3 * NEAR).uniform_(-reach, reach))
        self.project.data[:, :MEMBERS] = 0
        self.own = nn.Embedding(len(known), ROW + 3 * NEAR, sparse=True)
        nn.init.zeros_(self.own.weight)
        self.near_bias = nn.Parameter(torch.zeros(NEAR))
        pooled = DIM * len(manifest.POOLS) + NEAR * (ASK_POOLS + 1)
        self.body = Dense(pooled + features, HIDDEN)
        self.tier = Dense(HIDDEN, 3)
        self.task = Dense(HIDDEN, tasks)
        self.source = Dense(HIDDEN, sources)
        self.sentence = Dense(pooled, SENTENCE)
        self.levels = nn.Parameter(torch.zeros(sources))  # of the sources whose rows have a rank
        self.drop_in, self.drop = nn.Dropout(0.25), nn.Dropout(0.3)
        self.register_buffer("decay", torch.from_numpy(decay()))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, ask: Tensor, context: Tensor, system: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (tier, task, source) and the sentence vector. Tokens are [batch, length], padded with 0."""
        edge = torch.full((1,), manifest.BETWEEN)
        tokens, place = torch.unique(torch.cat([edge, ask.flatten(), context.flatten(), system.flatten()]), return_inverse=True)
        own = self.own(tokens)
        if self.training:  # what is learnt of a token itself is not there for those that training never sees
            own = own * (torch.rand(len(tokens), 1) >= OWN_DROPPED)
        table = self.known[tokens] @ self.project + own
        places = place[1:].split([ask.numel(), context.numel(), system.numel()])
        pieces = [at.view(piece.shape) for at, piece in zip(places, (ask, context, system), strict=True)]
        pooled = torch.cat([self.means(table[:, :ROW], pieces, int(place[0])), self.near(table[:, ROW:], pieces[0], int(place[0]))], 2)
        scaled = ((features - self.mean) * self.scale).unsqueeze(1).expand(-1, MEMBERS, -1)
        pooled = self.drop_in(pooled)
        hidden = self.drop(torch.relu(self.body(torch.cat([pooled, scaled], 2))))
        return self.tier(hidden), self.task(hidden), self.source(hidden), self.sentence(pooled)

    def means(self, table: Tensor, pieces: list[Tensor], padding: int) -> Tensor:
        """The gated mean of each of manifest.POOLS: [batch, member, numbers].

        A sum over the tokens of a piece is a product of how much each token of the vocabulary counts for in it with their rows,
        which is much quicker than to look the rows up token by token.
        """
        gates = torch.exp(table[:, :MEMBERS])
        rows = torch.cat([gates, (gates.unsqueeze(2) * table[:, MEMBERS:].unflatten(1, (MEMBERS, DIM))).flatten(1)], 1)
        ask, context, system = pieces
        weights = [*self.ask_weights(ask != padding), (context != padding).float(), (system != padding).float()]
        counts = torch.zeros(len(ask), len(weights), len(table))
        for pool, (piece, weight) in enumerate(zip((ask, ask, ask, context, system), weights, strict=True)):
            counts[:, pool].scatter_add_(1, piece, weight)
        sums, vectors = (counts.flatten(0, 1) @ rows).unflatten(0, counts.shape[:2]).split((MEMBERS, MEMBERS * DIM), 2)
        return (vectors.unflatten(2, (MEMBERS, DIM)) / sums.unsqueeze(3)).transpose(1, 2).flatten(2)

    def near(self, table: Tensor, ask: Tensor, padding: int) -> Tensor:
        """The means of what stands together in the ask, and the greatest: [batch, member, numbers]."""
        wide = nn.functional.pad(ask, (1, 1), value=padding)
        pick = nn.functional.embedding
        left, middle, right = (part.contiguous() for part in table.split(NEAR, 1))
        near = torch.relu(pick(wide[:, :-2], left) + pick(ask, middle) + pick(wide[:, 2:], right) + self.near_bias)
        there = ask != padding
        weight = torch.stack(self.ask_weights(there), 1)
        means = (weight / weight.sum(2, keepdim=True)) @ near
        greatest = (near * there.unsqueeze(2)).amax(1, keepdim=True)
        return torch.cat([means, greatest], 1).flatten(1).unsqueeze(1).expand(-1, MEMBERS, -1)

    def ask_weights(self, there: Tensor) -> list[Tensor]:
        """What each token of the ask counts for: over all of it, towards its start, towards its end."""
        place = torch.arange(there.shape[1])
        from_end = (there.sum(1, keepdim=True) - 1 - place).clamp(min=0)
        return [there.float(), self.decay[place] * there, self.decay[from_end] * there]


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
    rows = graph.node("Cast", [graph.node("Gather", [graph.constant("table", _table(weight)), "ids"])], to=TensorProto.FLOAT)
    gates, sums, counts = graph.split(graph.node("MatMul", ["weights", rows]), (MEMBERS, MEMBERS * DIM, 1))
    gates = graph.node("Reshape", [gates, graph.ints("gates", pools, MEMBERS, 1)])
    sums = graph.node("Reshape", [sums, graph.ints("sums", pools, MEMBERS, DIM)])
    means = graph.node("Reshape", [graph.node("Div", [sums, gates]), graph.ints("flat", 1, pools * MEMBERS * DIM)])
    near, unit = _near(graph, weight)
    in_ask = graph.rows("weights", "ask", ASK_POOLS)
    beside = graph.node("Div", [graph.node("MatMul", [in_ask, near]), graph.rows(counts, "ask_counts", ASK_POOLS)])
    beside = graph.node("Reshape", [beside, graph.ints("flat_near", 1, ASK_POOLS * NEAR)])
    is_ask = graph.node("Reshape", [graph.rows("weights", "all_ask", 1), graph.ints("column", -1, 1)])
    greatest = graph.node("ReduceMax", [graph.node("Mul", [near, is_ask]), graph.ints("tokens", 0)], keepdims=1)
    inputs = graph.node("Concat", [means, beside, greatest, "features"], axis=1)
    hidden = graph.node("Relu", [graph.dense(inputs, "body", *_body(weight, unit))])
    last = np.concatenate([weight["tier.weight"] / temperature, weight["task.weight"]], 2).reshape(MEMBERS * HIDDEN, -1).T / MEMBERS
    bias = np.concatenate([weight["tier.bias"] / temperature, weight["task.bias"]], 2).mean((0, 1))
    logits = graph.dense(hidden, "last", last, bias)
    tiers, families = (graph.node("Softmax", [part], axis=1) for part in graph.split(logits, (3, tasks)))
    graph.node("Concat", [_score(graph, tiers, knots, thresholds), tiers, families], axis=1, out="verdict")
    return graph.model(len(weight["mean"]), tasks)


def _rows(weight: dict[str, np.ndarray]) -> np.ndarray:
    return weight["known"] @ weight["project"] + weight["own.weight"]


def _table(weight: dict[str, np.ndarray]) -> np.ndarray:
    """The row of each token: its gates, its vectors multiplied with them, and 1, in half precision."""
    rows = _rows(weight)[:, :ROW]
    gates = np.exp(rows[:, :MEMBERS])
    return np.concatenate([gates, np.repeat(gates, DIM, 1) * rows[:, MEMBERS:], np.ones_like(gates[:, :1])], 1).astype(np.float16)


def _near(graph: _Graph, weight: dict[str, np.ndarray]) -> tuple[str, float]:
    """What stands together, [token, number], in units of the number that is returned.

    A layer over three neighbouring tokens, whose products with the weights are in the table: one row for each token, 8 bits a number.
    """
    rows = _rows(weight)[:, ROW:]
    rows[:, NEAR : 2 * NEAR] += weight["near_bias"]
    unit = float(np.quantile(np.abs(rows), 0.9998)) / 127
    table = np.clip(np.round(rows / unit), -127, 127).astype(np.int8)
    edge = graph.ints("edge", manifest.BETWEEN)
    padded = graph.node("Concat", [edge, "ids", edge], axis=0)
    values = graph.node("Cast", [graph.node("Gather", [graph.constant("near", table), padded])], to=TensorProto.FLOAT)
    axes = graph.ints("axes", 0, 1)
    parts = []
    for part in range(3):
        start, end = graph.ints(f"start{part}", part, NEAR * part), graph.ints(f"end{part}", part - 2 or 2**31, NEAR * (part + 1))
        parts.append(graph.node("Slice", [values, start, end, axes]))
    return graph.node("Relu", [graph.node("Add", [graph.node("Add", parts[:2]), parts[2]])]), unit


def _body(weight: dict[str, np.ndarray], unit: float) -> tuple[np.ndarray, np.ndarray]:
    """The members' first layers as one: each reads its own means, in the order [pool, member, number], and all that follows them."""
    pools = len(manifest.POOLS)
    means, beside = pools * DIM, (ASK_POOLS + 1) * NEAR
    body, bias = weight["body.weight"].transpose(0, 2, 1).copy(), weight["body.bias"][:, 0].copy()
    shape = body[:, :, means + beside :] * weight["scale"]
    bias -= shape @ weight["mean"]
    wide = np.zeros((MEMBERS, HIDDEN, pools, MEMBERS, DIM), np.float32)
    for member in range(MEMBERS):
        wide[member, :, :, member] = body[member, :, :means].reshape(HIDDEN, -1, DIM)
    near = body[:, :, means : means + beside] * unit
    joined = [part.reshape(MEMBERS * HIDDEN, -1) for part in (wide, near, shape)]
    return np.concatenate(joined, 1), bias.reshape(-1)


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

    def ints(self, name: str, *values: int) -> str:
        return self.constant(name, np.array(values, np.int64))

    def rows(self, source: str, name: str, count: int) -> str:
        """The first rows of `source`."""
        return self.node("Slice", [source, self.ints(f"{name}_from", 0), self.ints(f"{name}_to", count), self.ints(f"{name}_axis", 0)])

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
