"""The ratio of two times that were measured in turns, with the interval that its rounds allow."""
import random

DRAWS = 1000


def lower_quartile(values):
    return sorted(values)[len(values) // 4]


def ratio(one, other, seed=1):
    """(ratio, low, high): the lower quartile of `one` over that of `other`, both lists of rounds of seconds, and its 95 % interval.

    Rounds that were measured one after the other share the machine's state, so that they are drawn together: round i of both, with replacement. A disturbance that met some
    rounds only widens the interval; it does not move it.
    """
    rounds = min(len(one), len(other))
    draw = random.Random(seed)

    def of(indices):
        return lower_quartile([t for i in indices for t in one[i]]) / lower_quartile([t for i in indices for t in other[i]])

    drawn = sorted(of([draw.randrange(rounds) for _ in range(rounds)]) for _ in range(DRAWS))
    return of(range(rounds)), drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1]
