"""Images out of noise: schedules, what a network predicts, samplers, and models of points, pixels and latents."""
