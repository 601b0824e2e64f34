"""The live engine process on the embedded log: commands and venues in, a log out."""
