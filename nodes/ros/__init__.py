"""What the nodes share: runtime, parameters, QoS, messages, diagnostics and the two modes of driving."""
