"""Learn exclusive or, which no single neuron can, with two hidden ones: the smallest network worth training.

    python examples/nets_xor.py

docs/nets-xor.md follows one step of this training from the equations to the lines of code. Two hidden neurons are just
enough: about four seeds in ten (15 of 40) begin where training ends in a valley, with two or three of four right.
"""

import nets


def main(seed: int = 1) -> float:
    """Train on the four points, print what the network says, and return how many of the four are right."""
    points = nets.data.xor()
    x, y = points.points, points.labels[:, None].astype("float32")

    nets.manual_seed(seed)
    model = nets.Sequential(nets.Linear(2, 2, activation="sigmoid"), nets.Linear(2, 1, activation="sigmoid"))
    optimizer = nets.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(500):
        loss = nets.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    output = model(x).numpy()
    for point, value in zip(x, output, strict=True):
        print(f"{point[0]:.0f} xor {point[1]:.0f} = {value[0]:.3f}")
    right = int(((output > 0.5) == (y > 0.5)).sum())
    print(f"{right} of 4 right, loss {loss.item():.5f}")
    return right / 4


if __name__ == "__main__":
    main()
