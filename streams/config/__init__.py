"""What a person may set about the engine side of a run, and the records it becomes."""
