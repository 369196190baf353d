"""Classes: lessons, seats, the state that the log gives, and what each person may see and do."""
