"""The cost of a model as rows and totals, and as text."""

from dataclasses import dataclass

__all__ = ["LayerCost", "Report"]


@dataclass(frozen=True)
class LayerCost:
    """The cost of one call of a layer.

    Attributes:
        name: the layer's name in the model, ``"(model)"`` for the model itself.
        kind: its class, such as ``"Conv2d"``.
        params: parameters that no earlier row has counted.
        flops: FLOPs of this call, for the whole batch.
        activation_bytes: bytes of the output, for the whole batch.
        output_shape: tuple with the batch first (of a packed batch: all its steps), or None in a
            row without a call (parameters of a layer that the forward pass left out or of a module
            that holds layers).
    """

    name: str
    kind: str
    params: int
    flops: int
    activation_bytes: int
    output_shape: tuple | None


@dataclass(frozen=True)
class Report:
    """The costs of a model, one row for each call of a layer, in the order of the calls."""

    layers: list

    @property
    def params(self):
        """Parameters of the model, each counted once."""
        return sum(layer.params for layer in self.layers)

    @property
    def flops(self):
        """FLOPs of one forward pass over the batch."""
        return sum(layer.flops for layer in self.layers)

    @property
    def activation_bytes(self):
        """Bytes of all layers' outputs for the batch."""
        return sum(layer.activation_bytes for layer in self.layers)

    def table(self):
        """Return the rows and their total as fixed-width text."""
        head = ("layer", "kind", "output", "parameters", "FLOPs", "bytes")
        rows = [head]
        for c in self.layers:
            shape = "-" if c.output_shape is None else "×".join(str(n) for n in c.output_shape)
            costs = (f"{n:,}" for n in (c.params, c.flops, c.activation_bytes))
            rows.append((c.name, c.kind, shape, *costs))
        costs = (f"{n:,}" for n in (self.params, self.flops, self.activation_bytes))
        rows.append(("total", "", "", *costs))
        widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
        lines = [
            "  ".join(
                cell.ljust(width) if k < 3 else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
