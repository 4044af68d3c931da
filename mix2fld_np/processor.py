"""What this machine's processor adds at once: sums of another vector width round differently."""

from llvmlite import binding


def vector_bits() -> int:
    """Bits of the widest vector registers that compiled code may use here: 512, 256 or 128."""
    features = binding.get_host_cpu_features()
    return next((bits for name, bits in (("avx512f", 512), ("avx2", 256)) if features.get(name)), 128)
