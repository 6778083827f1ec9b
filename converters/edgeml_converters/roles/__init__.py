"""What each output means: as the user says, as labels and the graph show, as values look."""
