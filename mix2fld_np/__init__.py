"""Mix2FLD from scratch in NumPy and Numba: federated learning, distillation and Mixup over fading channels."""

__version__ = "1.0.0"
