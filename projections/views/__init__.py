"""Pure folds of the log into what people ask for. Nothing here is stored or reads the world."""
