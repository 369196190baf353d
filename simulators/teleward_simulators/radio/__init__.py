"""The virtual radio: an ether, its controllers, a hub for other processes, and a bleak backend."""
