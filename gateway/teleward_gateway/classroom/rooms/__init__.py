"""Teaching rooms: their life, orders and what each role sees."""
