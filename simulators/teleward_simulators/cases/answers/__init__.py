"""What a learner can ask: a fixed catalogue, answered by the case, the body and its devices."""
