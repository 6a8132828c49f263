"""Play and learn on many machines of a Ray cluster; `agents.distributed.merging` alone needs no Ray."""
