"""Tell two interleaved half moons apart, and print the border that was learned.

python examples/nets_moons.py
"""

import numpy as np

import nets


def main(seed: int = 0) -> float:
    """Train on 400 points, draw the plane, and return the accuracy on 1,000 points that were held out."""
    train, test = nets.data.moons(400, noise=0.1, generator=seed), nets.data.moons(1000, noise=0.1, generator=seed + 1)
    loader = nets.data.DataLoader(train, batch_size=20, shuffle=True, generator=seed)

    nets.manual_seed(seed)
    model = nets.Sequential(
        nets.Linear(2, 32, activation="relu"), nets.Linear(32, 32, activation="relu"), nets.Linear(32, 2)
    )
    optimizer = nets.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(30):
        for points, labels in loader:
            loss = nets.functional.cross_entropy(model(points), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    for height in np.linspace(1.2, -0.7, 12):
        line = np.stack([np.linspace(-1.3, 2.3, 60), np.full(60, height)], 1).astype(np.float32)
        print("".join(".#"[label] for label in model(line).argmax(1).tolist()))
    accuracy = float((model(test.points).argmax(1).numpy() == test.labels).mean())
    print(f"accuracy {accuracy:.1%} on {len(test)} held-out points")
    return accuracy


if __name__ == "__main__":
    main()
