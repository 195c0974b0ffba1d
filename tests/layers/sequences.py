"""Recurrent steps and sequences, embeddings and attention."""

import numpy as np

from layers.cases import right
from layers.dense import sigmoid


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dprev_h = da @ Wh.T
    db = da.sum(axis=0)
    return da @ Wx.T, dprev_h, x.T @ da, prev_h.T @ da, db


RNN_WEIGHTS = {"Wx": "normal(0, 0.5) [D, H]", "Wh": "normal(0, 0.5) [H, H]", "b": "normal(0, 0.5) [H]"}
STEP = {"x": "[N, D]", "prev_h": "[N, H]", **RNN_WEIGHTS}
right("rnn_step", rnn_step_forward, STEP, backward=rnn_step_backward, sizes={"D": 3}).slipped("""
rnn_step_no_square (x prev_h Wx Wh b: tanh, square, factor): 1 - h in place of 1 - h^2
    ~ da = dnext_h * (1 - next_h)
rnn_step_db_before_tanh (b: tanh, factor, activation): db sums the gradient before tanh's derivative
    ~ db = dnext_h.sum(axis=0)
rnn_step_wh_not_transposed (prev_h: transpos): dprev_h multiplies by Wh in place of Wh'
    ~ dprev_h = da @ Wh
""")


def rnn_forward(x, h0, Wx, Wh, b):
    """x: (N, T, D) to h: (N, T, H)."""
    h, prev_h, caches = [], h0, []
    for t in range(x.shape[1]):
        prev_h, cache = rnn_step_forward(x[:, t], prev_h, Wx, Wh, b)
        h.append(prev_h)
        caches.append(cache)
    return np.stack(h, axis=1), caches


def rnn_backward(dh, caches):
    N, T, H = dh.shape
    D = caches[0][0].shape[1]
    dx, dprev_h = np.zeros((N, T, D)), np.zeros((N, H))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    for t in reversed(range(T)):
        dnext_h = dh[:, t] + dprev_h
        dx[:, t], dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dnext_h, caches[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dprev_h, dWx, dWh, db


SEQUENCE = {"x": "[N, T, D]", "h0": "[N, H]", **RNN_WEIGHTS}
right("rnn_sequence", rnn_forward, SEQUENCE, backward=rnn_backward, sizes={"D": 2, "H": 3, "T": 3}).slipped("""
rnn_no_gradient_through_time (x h0 Wx Wh b: through time, lost, missing, term): the next step's gradient is not added
    ~ dnext_h = dh[:, t]
rnn_cache_of_the_last_step (x h0 Wx Wh b: cache, last): every step uses the cache of the last
    ~ dx[:, t], dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dnext_h, caches[-1])
rnn_db_of_one_step (b: accumul, last, first, term): = in place of +=: db is that of the first step
    - db += db_t
    + db = db_t
""")


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    ai, af, ao, ag = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    dprev_c = dc * f
    dai = dc * g * i * (1 - i)
    daf = dc * prev_c * f * (1 - f)
    dao = dnext_h * tanh_c * o * (1 - o)
    dag = dc * i * (1 - g**2)
    da = np.hstack((dai, daf, dao, dag))
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


LSTM_WEIGHTS = {"Wx": "normal(0, 0.5) [D, 12]", "Wh": "normal(0, 0.5) [3, 12]", "b": "normal(0, 0.5) [12]"}
LSTM_STEP = {"x": "[N, D]", "prev_h": "[N, 3]", "prev_c": "[N, 3]", **LSTM_WEIGHTS}
right("lstm_step", lstm_step_forward, LSTM_STEP, backward=lstm_step_backward).slipped("""
lstm_step_gates_exchanged (x prev_h Wx Wh b: exchang, swap, gate, column): the gates i and f are exchanged in da
    ~ da = np.hstack((daf, dai, dao, dag))
lstm_step_dprev_c_without_next_h (prev_c: next_h, upstream, lost, missing): dprev_c forgets the path over next_h
    ~ dprev_c = dnext_c * f
lstm_step_dnext_c_ignored (x prev_h prev_c Wx Wh b: dnext_c, upstream): the gradient of next_c is ignored
    ~ dc = dnext_h * o * (1 - tanh_c**2)
lstm_step_c_for_tanh_c (x prev_h Wx Wh b: tanh, gate, column): the output gate's gradient has c in place of tanh(c)
    ~ dao = dnext_h * next_c * o * (1 - o)
lstm_step_g_as_a_sigmoid (x prev_h Wx Wh b: sigmoid, tanh, gate, column): g is derived as a sigmoid
    ~ dag = dc * i * g * (1 - g)
""")


def word_embedding_forward(x, W):
    return W[x, :], (x, W)


def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, x, dout)
    return dW


WORDS = {"x": "integers(0, 6) [N, 6]", "W": "[7, D]"}
EMBEDDING = right("word_embedding", word_embedding_forward, WORDS, wrt=("W",), backward=word_embedding_backward)
EMBEDDING.slipped("""
word_embedding_assigned (W: repeat, accumul, add.at, twice, row): dW[x] += dout counts a repeated word once
    - np.add.at(dW, x, dout)
    + dW[x] += dout
word_embedding_first_words_lost (W: first, row, lost, missing, range): the first word of every sentence is left out
    - np.add.at(dW, x, dout)
    + np.add.at(dW, x[:, 1:], dout[:, 1:])
""")


def attention_forward(Q, K, V):
    """A single head; T positions of d features."""
    scores = Q @ K.T / np.sqrt(Q.shape[1])
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return P @ V, (Q, K, V, P)


def attention_backward(dout, cache):
    Q, K, V, P = cache
    scale = np.sqrt(Q.shape[1])
    dP = dout @ V.T
    dscores = P * (dP - np.sum(dP * P, axis=1, keepdims=True)) / scale
    dQ = dscores @ K
    dK = dscores.T @ Q
    dV = P.T @ dout
    return dQ, dK, dV


QKV = {"Q": "[T, D]", "K": "[T, D]", "V": "[T, D]"}
right("attention", attention_forward, QKV, backward=attention_backward, sizes={"T": 3}).slipped("""
attention_no_scale (Q K: factor, times, sqrt): 1/sqrt(d) is missing in dQ and dK
    ~ scale = 1
attention_diagonal_jacobian (Q K: softmax, diagonal, lost, missing): the softmax's Jacobian is taken as diagonal
    ~ dscores = P * (1 - P) * dP / scale
attention_sum_over_queries (Q K: axis, softmax, summed): the softmax's sum runs over the queries
    ~ dscores = P * (dP - np.sum(dP * P, axis=0, keepdims=True)) / scale
attention_dk_not_transposed (K: transpos): dK lacks the transpose of the scores, which are square
    ~ dK = dscores @ Q
""")
