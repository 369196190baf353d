# make demo   a simulated ward, gateway and dashboard on http://127.0.0.1:8080
# make test   every test, on this machine as it is (installs what it needs)
# make test-faults   every fault in full, and one table of what was lost, doubled or needed a hand
# make test-bluez   the link tests against a real kernel and bluetoothd, in QEMU
# make fuzz   random, mutated and coverage-guided bytes into every driver (half an hour)
.PHONY: demo test test-bluez test-faults fuzz
demo:
	@./scripts/demo
test:
	@./scripts/test
test-faults:
	@./scripts/test-faults
fuzz:
	@./scripts/fuzz
test-bluez:
	@./scripts/test-bluez
