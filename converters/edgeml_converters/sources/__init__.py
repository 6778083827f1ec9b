"""What a user names on the command line: a model, its weights, a registry, data, or a contract."""
