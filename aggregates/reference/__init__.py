"""Reference data under control: who may change it, in which order, and who must agree."""
