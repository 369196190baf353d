"""What the operator of a gateway looks at: cards of its parts, their course, log and report."""
