# make demo   a simulated ward, gateway and dashboard on http://127.0.0.1:8080
# make test   every test, on this machine as it is (installs what it needs)
# make fuzz   random, mutated and coverage-guided bytes into every driver (half an hour)
.PHONY: demo test fuzz
demo:
	@./scripts/demo
test:
	@./scripts/test
fuzz:
	@./scripts/fuzz
