"""The spiking network: its description, its kernels, its plasticity, its checkpoints."""
