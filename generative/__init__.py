"""Image models from scratch on `nets`: autoencoders, diffusion, a GAN, and sentences written with them."""
