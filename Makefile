# make demo   a simulated ward, gateway and dashboard on http://127.0.0.1:8080
# make test   every test, on this machine as it is (installs what it needs)
.PHONY: demo test
demo:
	@./scripts/demo
test:
	@./scripts/test
