"""The command `edgeml`: one file per command, each imported only when it is called for."""
