"""The convolutional network: kernels, losses with their gradients by hand, and the three kinds of training."""
