"""Teaching with simulated patients: rooms, instructors and what each may see."""
