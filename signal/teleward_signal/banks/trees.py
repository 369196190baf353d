"""Sum of symmetric decision trees: the probability that a beat is of a class.

Each level of a tree asks one question of the features, the same in every branch, so a tree of depth
three is three questions and eight answers (symmetric trees: Prokhorenkova et al., NeurIPS 2018).
An ensemble is one float32 vector: ``bias``, then for each tree

    feature 1, bound 1, feature 2, bound 2, feature 3, bound 3, answer 0, ... answer 7

where bit k of the number of the answer is set when feature k is above bound k.
"""

from teleward_signal.compiled.cache import inner
from teleward_signal.compiled.records import Floats

DEPTH = 3
"""Of 2 to 4, the one with the best figures on records left out."""
ANSWERS = 1 << DEPTH
TREE = 2 * DEPTH + ANSWERS
"""Numbers of one tree."""


@inner
def vote(features: Floats, trees: Floats) -> float:
    """Return the log odds that an ensemble gives to the features."""
    total = float(trees[0])
    for at in range(1, trees.shape[0], TREE):
        answer = 0
        for k in range(DEPTH):
            if features[int(trees[at + 2 * k])] > trees[at + 2 * k + 1]:
                answer |= 1 << k
        total += trees[at + 2 * DEPTH + answer]
    return total
