"""Attention: averages of values, with weights from how well queries and keys agree."""

from .. import creation
from ..autograd import Tensor
from ..backend import xp
from ..ops import _floating, _tensor, where
from ..shape_ops import split
from . import init
from .activations import softmax
from .layers import Linear, dropout, linear
from .module import Module, Parameter


def _mask(name, argument, mask, keep, query, shape):
    """A mask that broadcasts to ``shape``, to add to scores; a boolean one is 0 where it is ``keep``, else -inf."""
    boolean = _tensor(name, mask).data.dtype == xp.bool_
    if mask.ndim > len(shape) or any(n not in (1, m) for n, m in zip(mask.shape[::-1], shape[::-1])):
        raise ValueError(f"{name}: {argument} has shape {mask.shape}, which does not broadcast to {shape}")
    if not boolean and mask.dtype != query.dtype:
        raise TypeError(f"{name}: {argument} must be bool or {query.data.dtype}, got {mask.data.dtype}")
    return where(mask if keep else ~mask, creation.zeros(1, dtype=query.dtype), -xp.inf) if boolean else mask


def _attend(query, key, value, masks, dropout_p, scale=None, empty=0.0):
    """Attention and its weights; those of a query that may attend to nothing are ``empty``."""
    scores = query * (query.shape[-1] ** -0.5 if scale is None else scale) @ key.transpose(-2, -1)
    for mask in masks:
        scores = scores + mask
    nothing = (scores.data == -xp.inf).all(axis=-1, keepdims=True) if masks else xp.zeros(1, bool)
    weights = where(nothing, empty, softmax(where(nothing, 0.0, scores), -1))
    weights = dropout(weights, dropout_p)
    return weights @ value, weights


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None):
    """softmax(scale · query keyᵀ + mask) value.

    Parameters
    ----------
    query : Tensor (..., L, E)
    key : Tensor (..., S, E)
    value : Tensor (..., S, V)
    attn_mask : Tensor that broadcasts to (..., L, S), optional
        Boolean: True where a query may attend to a key. Floating-point: added to the scores. A query that may attend
        to nothing gets zeros.
    dropout_p : float
        Probability with which a weight is dropped; always, so pass 0 in evaluation.
    is_causal : bool
        Query i attends to keys 0 to i only. Not together with attn_mask.
    scale : float, optional
        1 / sqrt(E) if left out.

    Returns
    -------
    Tensor (..., L, V)

    Raises
    ------
    ValueError
        If shapes do not fit, or both attn_mask and is_causal are given.
    TypeError
        If dtypes differ.

    Source: Vaswani et al. (2017), equation 1.
    """
    name = "scaled_dot_product_attention"
    q, k, v = (_floating(name, x).shape for x in (query, key, value))
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ValueError(f"{name}: expected query (..., L, E), key (..., S, E), value (..., S, V), got {q}, {k}, {v}")
    if is_causal and attn_mask is not None:
        raise ValueError(f"{name}: give attn_mask or is_causal, not both")
    mask = Tensor(xp.tri(q[-2], k[-2], dtype=bool)) if is_causal else attn_mask
    masks = [] if mask is None else [_mask(name, "attn_mask", mask, True, query, (*q[:-1], k[-2]))]
    return _attend(query, key, value, masks, dropout_p, scale)[0]


class MultiheadAttention(Module):
    """Attention in num_heads subspaces of size embed_dim / num_heads at once (``torch.nn.MultiheadAttention``).

    ``forward(query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True)``
    takes query (L, N, E), key and value (S, N, E), or (N, L, E) and (N, S, E) with batch_first, or without N. It
    returns the output in the form of query, and the weights (N, L, S), per head (N, num_heads, L, S) if they are not
    averaged, or None. Masks are boolean, here True where attention is *not* allowed, or added to the scores:
    key_padding_mask (N, S), attn_mask (L, S) or (N · num_heads, L, S). As in PyTorch, a query that may attend to
    nothing gets nan, or with need_weights=False zeros.

    Parameters
    ----------
    embed_dim, num_heads : int
        The first a multiple of the second.
    dropout : float
        Probability with which a weight is dropped in training.
    bias, batch_first : bool
    dtype : dtype, optional

    Source: Vaswani et al. (2017), section 3.2.2.
    """

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, batch_first=False, dtype=None):
        super().__init__()
        self._set_lengths(embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim {embed_dim} must be a multiple of num_heads {num_heads}")
        self.dropout, self.batch_first = dropout, batch_first
        self.in_proj_weight = init.xavier_uniform_(Parameter(creation.zeros(3 * embed_dim, embed_dim, dtype=dtype)))
        self.in_proj_bias = Parameter(creation.zeros(3 * embed_dim, dtype=dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype)
        if bias:
            init.zeros_(self.out_proj.bias)

    def forward(
        self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True
    ):
        name, e, heads, time = "MultiheadAttention", self.embed_dim, self.num_heads, int(self.batch_first)
        q, k, v = (_floating(name, x).shape for x in (query, key, value))
        batch, other = (shape[1 - time : 2 - time] if len(shape) == 3 else () for shape in (q, k))
        if len(q) not in (2, 3) or len(k) != len(q) or k != v or batch != other or {q[-1], k[-1]} != {e}:
            raise ValueError(f"{name}: query {q}, key {k} and value {v} do not fit each other and embed_dim {e}")
        inputs = [x.unsqueeze(0) if not batch else x if time else x.transpose(0, 1) for x in (query, key, value)]
        (n, length, _), size = inputs[0].shape, inputs[1].shape[1]
        parts = [(None,) * 3 if p is None else split(p, e) for p in (self.in_proj_weight, self.in_proj_bias)]
        projected = [linear(x, w, b) for x, w, b in zip(inputs, *parts)]
        masks = []
        for argument, mask, shape, form in (
            ("attn_mask", attn_mask, (n * heads, length, size), (n, heads, length, size)),
            ("key_padding_mask", key_padding_mask, (*batch, size), (n, 1, 1, size)),
        ):
            if mask is not None:
                masks.append(_mask(name, argument, mask, False, query, shape).expand(shape).reshape(form))
        output, weights = _attend(
            *(x.reshape(*x.shape[:2], heads, e // heads).transpose(1, 2) for x in projected), masks,
            self.dropout if self.training else 0.0, empty=xp.nan if need_weights else 0.0,
        )  # fmt: skip
        output = self.out_proj(output.transpose(1, 2).reshape(n, length, e))
        output = output[0] if not batch else output if time else output.transpose(0, 1)
        weights = weights.mean(1) if average_attn_weights else weights
        return output, (weights if batch else weights[0]) if need_weights else None
