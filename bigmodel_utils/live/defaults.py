"""The matrices and layer stacks that the live figures start with."""

__all__ = ["DISTINCT", "IMAGE", "KERNEL", "STACKS", "TIES"]

# Not square, so that rows and columns cannot be exchanged unseen.
IMAGE = [
    [0, 0, 1, 3, 2, 0, 0],
    [0, 1, 4, 5, 4, 1, 0],
    [0, 2, 5, 6, 5, 3, 0],
    [0, 1, 4, 6, 6, 4, 1],
    [0, 0, 2, 4, 5, 3, 1],
    [0, 0, 0, 1, 2, 1, 0],
]
KERNEL = [[1, -1], [2, -2], [1, -1]]

# Pooling: no two values of a window equal; and windows with two, three and four equal maxima.
DISTINCT = [
    [3, 1, 4, 1.5, 5, 9],
    [2, 6, 5.5, 3.5, 8, 7],
    [9.5, 0, 2.5, 8.5, 4.5, 6.5],
    [1, 7.5, 0.5, 5, 3, 2],
]
TIES = [
    [2, 2, 0, 5, 1, 1],
    [0, 1, 5, 5, 1, 1],
    [3, 0, 0, 0, 4, 2],
    [3, 3, 0, 0, 2, 4],
]

# (kernel_size, stride, dilation) per layer
STACKS = {
    "vgg": [[3, 1, 1], [3, 1, 1], [2, 2, 1], [3, 1, 1], [3, 1, 1]],
    "plain": [[3, 1, 1]] * 4,
    "dilated": [[3, 1, 1], [3, 1, 2], [3, 1, 4]],
    "strided": [[3, 2, 1], [3, 2, 1], [3, 1, 1]],
    "gridding": [[3, 1, 2], [3, 1, 2], [3, 1, 2]],
}
