"""What another policy would have done with the inputs of a run."""
