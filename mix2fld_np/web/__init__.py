"""The playground and the static site: the kernels as WebAssembly, from the same Numba source, in one HTML file."""
