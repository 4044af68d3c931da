"""Mixup on the devices, inverse-Mixup at the server, and the privacy that lies between them."""
