"""Name irises from four lengths, and see which species are mistaken for each other.

python examples/nets_iris.py
"""

import numpy as np

import nets


def main(seed: int = 3) -> float:
    """Train on 100 of Fisher's 150 flowers, print the mistakes on the other 50, and return the accuracy there."""
    train, test = nets.data.iris().split(2 / 3, generator=seed)
    mean, deviation = train.points.mean(0), train.points.std(0)

    nets.manual_seed(seed)
    model = nets.Sequential(nets.Linear(4, 16, activation="tanh"), nets.Linear(16, 3))
    optimizer = nets.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    for _ in range(200):
        loss = nets.functional.cross_entropy(model((train.points - mean) / deviation), train.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    said = model((test.points - mean) / deviation).argmax(1).numpy()
    for flower in np.flatnonzero(said != test.labels):
        print(f"{test.points[flower]} cm is {test.classes[test.labels[flower]]}, not {test.classes[said[flower]]}")
    accuracy = float((said == test.labels).mean())
    print(f"accuracy {accuracy:.1%} on {len(test)} held-out flowers")
    return accuracy


if __name__ == "__main__":
    main()
