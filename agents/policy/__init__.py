"""The policy that learns from its own past: a network with a policy and a value head, learned by policy gradient."""
