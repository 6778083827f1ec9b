"""What a conversion leaves behind: the folder, the contract, the provenance."""
