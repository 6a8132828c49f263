"""Images through a few numbers and back: autoencoders, variational ones, and the ways through their latent spaces."""
