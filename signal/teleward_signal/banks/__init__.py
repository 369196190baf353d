"""What the banks of all signals share: slots, filters, networks, trees."""
