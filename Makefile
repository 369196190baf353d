# Bare `make` prints this help; the text behind ## is a target's line in it.
.DEFAULT_GOAL := help
.PHONY: help demo check test docs pictures class-hour test-clock test-faults test-api test-fhir test-mutations test-crowd audit test-bluez test-install test-updates test-boot test-arm64 fuzz

help:  ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo:  ## a simulated ward, gateway and dashboard on http://127.0.0.1:8080
	@./scripts/demo

check:  ## before a commit: format, types, contracts, tests of what was touched
	@./scripts/check

test:  ## every check and test, on this machine as it is (installs what it needs)
	@./scripts/test

docs:  ## the documentation site into build/site, with every link checked
	@./scripts/docs

pictures:  ## the pictures of the documentation: a bed with every module, a case played wrongly
	@./scripts/pictures

class-hour:  ## one class hour in browsers and twenty kills of a class, delays judged, too
	@./scripts/class-hour

test-clock:  ## the suite under a UTC clock that steps by half an hour and a day at random
	@./scripts/test-clock

test-faults:  ## every fault in full, and one table of losses, repeats and manual steps
	@./scripts/test-faults

test-api:  ## schemathesis over the whole API of a running gateway, all checks
	@./scripts/test-api

test-fhir:  ## 10 000 records to a real FHIR server, it and the sink killed five times each
	@./scripts/test-fhir

test-mutations:  ## break named behaviours one by one; the closest tests must fail
	@./scripts/test-mutations

test-crowd:  ## thousands of connections, impatient clients, stuck pages against a ward
	@./scripts/test-crowd

audit:  ## bandit over the sources, advisories of the dependencies where there are any
	@./scripts/audit

test-bluez:  ## the link tests against a real kernel and bluetoothd, in QEMU
	@./scripts/test-bluez

test-install:  ## the Debian packages in bare Debian 12 and 13: install, upgrade, purge (root)
	@./scripts/test-install --folder

test-updates:  ## forty updates that go wrong, each ends with a running gateway; prints a table
	@./scripts/test-updates

test-boot:  ## the service in a booted machine: boot, hang, power cuts, 1970, updates (root, QEMU)
	@./scripts/test-boot

test-arm64:  ## the arm64 packages under qemu-user: help, golden tests, a demo, with times (root)
	@./scripts/test-arm64

fuzz:  ## random, mutated and coverage-guided bytes into every driver (half an hour)
	@./scripts/fuzz
