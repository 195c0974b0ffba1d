"""Convolutions and poolings of images (N, channels, height, width)."""
# ruff: noqa: RUF059 (a cache is unpacked whole, as its authors do)

from dataclasses import replace

import numpy as np

from layers.cases import right


def conv_forward_naive(x, w, b, conv_param):
    """x: (N, C, H, W); w: (F, C, HH, WW); b: (F,); conv_param: 'stride' and 'pad'."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    N, C, H, W = x_pad.shape
    F, _, HH, WW = w.shape
    out = np.zeros((N, F, 1 + (H - HH) // stride, 1 + (W - WW) // stride))
    for n, f, i, j in np.ndindex(out.shape):
        window = x_pad[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
        out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    dx_pad, dw, db = np.zeros_like(x_pad), np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] += np.sum(dout[n, f])
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    top, left = i * stride, j * stride
                    dw[f] += x_pad[n, :, top : top + HH, left : left + WW] * dout[n, f, i, j]
                    dx_pad[n, :, top : top + HH, left : left + WW] += w[f] * dout[n, f, i, j]
    dx = dx_pad[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, db


CONV_INPUTS = {"x": "[N, 2, 4, 5]", "w": "[2, 2, 3, 2]", "b": "[2]", "conv_param": {"stride": 2, "pad": 1}}
CONV = right("conv_naive", conv_forward_naive, CONV_INPUTS, wrt=("x", "w", "b"), backward=conv_backward_naive)
CONV.slipped("""
conv_dx_not_shifted_back (x: shift, pad, off by one): dx is cut out of the padded array at 0, not at pad
    ~ dx = dx_pad[:, :, :H, :W]
conv_no_stride (x w: stride, shift): the windows move by 1 in the backward, whatever the stride
    ~ top, left = i, j
conv_short_loop (x w: last, row, range): the loop over output rows ends one too early
    - for i in range(dout.shape[2]):
    + for i in range(dout.shape[2] - 1):
conv_dx_kernel_flipped (x: flip, revers, mirror, permut): dx flips the kernel though the forward is a correlation
    - dx_pad[n, :, top : top + HH, left : left + WW] += w[f] * dout[n, f, i, j]
    + dx_pad[n, :, top : top + HH, left : left + WW] += w[f, :, ::-1, ::-1] * dout[n, f, i, j]
conv_dx_assigned (x: overlap, accumul, last, added): = in place of +=, though the windows overlap
    - dx_pad[n, :, top : top + HH, left : left + WW] += w[f] * dout[n, f, i, j]
    + dx_pad[n, :, top : top + HH, left : left + WW] = w[f] * dout[n, f, i, j]
conv_db_of_the_last_sample (b: last, sample, accumul, row): = in place of +=: db is that of the last sample
    - db[f] += np.sum(dout[n, f])
    + db[f] = np.sum(dout[n, f])
""")
CONV_PAD_0 = replace(CONV, inputs={**CONV.inputs, "conv_param": {"stride": 1, "pad": 0}})
right("conv_naive_pad_0", conv_forward_naive, CONV_PAD_0.inputs, wrt=CONV.wrt, backward=conv_backward_naive)
CONV_PAD_0.slipped("""
conv_dx_empty_at_pad_0 (x: shape, pad): [pad:-pad] is empty where pad is 0
    ~ dx = dx_pad[:, :, pad:-pad, pad:-pad]
""")


class Conv2d:
    """Vectorised over windows; stride 1 and no padding."""

    def forward(self, x, w):
        self.w, self.windows = w, np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
        return np.einsum("nchwij,fcij->nfhw", self.windows, w, optimize=True)

    def backward(self, dout):
        KH, KW = self.w.shape[2:]
        dw = np.einsum("nchwij,nfhw->fcij", self.windows, dout, optimize=True)
        dout = np.pad(dout, ((0, 0), (0, 0), (KH - 1, KH - 1), (KW - 1, KW - 1)))
        windows = np.lib.stride_tricks.sliding_window_view(dout, (KH, KW), axis=(2, 3))
        return np.einsum("nfhwij,fcij->nchw", windows, self.w[:, :, ::-1, ::-1], optimize=True), dw


right("conv_class", Conv2d, {"x": "[N, 2, 4, 5]", "w": "[2, 2, 2, 3]"}).slipped("""
conv_class_channels_exchanged (w: transpos, exchang, swap, channel): dw has input and output channels exchanged
    ~ dw = np.einsum("nchwij,nfhw->cfij", self.windows, dout, optimize=True)
""")


def max_pool_forward_naive(x, pool_param):
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, H, W = x.shape
    out = np.zeros((N, C, 1 + (H - height) // stride, 1 + (W - width) // stride))
    for n, c, i, j in np.ndindex(out.shape):
        out[n, c, i, j] = np.max(x[n, c, i * stride : i * stride + height, j * stride : j * stride + width])
    return out, (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        window = x[n, c, i * stride : i * stride + height, j * stride : j * stride + width]
        p, q = np.unravel_index(np.argmax(window), window.shape)
        dx[n, c, i * stride + p, j * stride + q] += dout[n, c, i, j]
    return dx


POOL = {"x": "[N, 2, 5, 5]", "pool_param": {"pool_height": 3, "pool_width": 3, "stride": 2}}
right("max_pool", max_pool_forward_naive, POOL, wrt=("x",), backward=max_pool_backward_naive).slipped("""
max_pool_assigned (x: overlap, accumul, added, twice): = in place of +=, though the pools overlap
    - dx[n, c, i * stride + p, j * stride + q] += dout[n, c, i, j]
    + dx[n, c, i * stride + p, j * stride + q] = dout[n, c, i, j]
max_pool_to_all (x: maximum, where, mask, position, window): every entry of the window gets the gradient
    - dx[n, c, i * stride + p, j * stride + q] += dout[n, c, i, j]
    + dx[n, c, i * stride : i * stride + height, j * stride : j * stride + width] += dout[n, c, i, j]
max_pool_row_for_column (x: maximum, where, position, exchang, swap): row and column of the maximum are exchanged
    - dx[n, c, i * stride + p, j * stride + q] += dout[n, c, i, j]
    + dx[n, c, i * stride + q, j * stride + p] += dout[n, c, i, j]
""")


def max_pool_forward_reshape(x, pool_param):
    N, C, H, W = x.shape
    k = pool_param["size"]
    x_reshaped = x.reshape(N, C, H // k, k, W // k, k)
    out = x_reshaped.max(axis=3).max(axis=4)
    return out, (x, x_reshaped, out)


def max_pool_backward_reshape(dout, cache):
    """Ties share the gradient."""
    x, x_reshaped, out = cache
    mask = x_reshaped == out[:, :, :, None, :, None]
    dx = mask * dout[:, :, :, None, :, None]
    dx = dx / np.sum(mask, axis=(3, 5), keepdims=True)
    return dx.reshape(x.shape)


RESHAPE = {"x": "[N, 2, 4, 6]", "pool_param": {"size": 2}}
right("max_pool_reshape", max_pool_forward_reshape, RESHAPE, wrt=("x",), backward=max_pool_backward_reshape).slipped("""
max_pool_reshape_mean (x: factor, times, 0.25, 1/4): divides by the size of the pool, as the mean does
    - dx = dx / np.sum(mask, axis=(3, 5), keepdims=True)
    + dx = dx / np.prod(mask.shape[3::2])
""")
