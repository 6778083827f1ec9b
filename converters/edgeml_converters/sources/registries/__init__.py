"""Where teams keep models: MLflow's registry and files under DVC; standard library only."""
