"""A synthetic market worth routing in: native events, TOML parameters, faults, a gateway."""
