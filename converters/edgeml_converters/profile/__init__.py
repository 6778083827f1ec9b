"""What a model file costs on this machine: latency, memory, operators, multiply-accumulates."""
