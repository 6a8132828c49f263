"""Merging of tables that learned apart, as obvious as can be: a dictionary of weights for each worker."""

import math

Entry = tuple[float, float, float]  # w, E, A


def merge(base: list[Entry], workers: list[dict[int, Entry]]) -> list[Entry]:
    merged = list(base)
    for i, (w, e, a) in enumerate(base):
        changed = [worker[i] for worker in workers if i in worker]
        if len(changed) == 1:
            merged[i] = changed[0]
        elif changed:
            moved = [a_k - a for _, _, a_k in changed]
            total = math.fsum(moved)
            shares = [m / total for m in moved] if total > 0 else [1 / len(changed)] * len(changed)
            merged[i] = (
                w + math.fsum(s * (w_k - w) for s, (w_k, _, _) in zip(shares, changed, strict=True)),
                e + math.fsum(e_k - e for _, e_k, _ in changed),
                a + total,
            )
    return merged
