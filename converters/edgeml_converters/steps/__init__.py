"""One step at a time in a process of its own; the side that asks never imports a framework."""
