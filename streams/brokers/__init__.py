"""What every broker's runtime shares: frames, the fold of a shard, snapshots, read side."""
