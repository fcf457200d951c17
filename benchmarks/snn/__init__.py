"""The SNN benchmark: one network that learns online by R-STDP, in several simulators, each in its own process."""
