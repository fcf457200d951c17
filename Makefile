# The verbs of the project; each sets up first what is missing. PYTHON chooses the Python that .venv is made from; an
# earlier choice stays.
PYTHON ?= $(shell chosen=$$(sed -n 's/^executable = //p' .venv/pyvenv.cfg 2>/dev/null); command -v "$$chosen" || echo python3)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-gazebo test-peers lint format types examples bench bench-gazebo bench-setup lock wheel gazebo-classic clean-gazebo clean

help: ## print these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv, install the locked requirements, build the message packages
	@command -v $(PYTHON) >/dev/null || { echo "setup: missing: $(PYTHON); on Debian or Ubuntu: sudo apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -B scripts/set_up.py

demo: setup ## a robot learns to keep its lane over ROS 2; the report is out/demo/report.html
	@$(BIN)/spikedrive demo --out out/demo

test: setup ## run every test but those in a Gazebo and the comparisons with other simulators
	@$(BIN)/python -B scripts/run_tests.py

test-gazebo: setup ## drive, and break, in each Gazebo that is found (make gazebo-classic)
	@$(BIN)/pytest -m gazebo -rs

test-peers: setup ## compare with NEST and others that are installed (make bench-setup)
	@$(BIN)/pytest -m peers -rs -s

examples: setup ## draw the pictures of docs/examples anew
	@for example in docs/examples/*.py; do echo $$example; $(BIN)/python $$example || exit 1; done

lint: setup ## check style (ruff), imports (import-linter), requirements (deptry), lengths and the Dockerfile (hadolint)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/python -B scripts/check_lengths.py
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/deptry .
	@$(BIN)/hadolint docker/Dockerfile

format: setup ## put the code into the project's style
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: setup ## check types (pyright)
	@$(BIN)/pyright

bench: setup ## time the parts against their peers; not a test
	@$(BIN)/python -m spikedrive_benchmarks

bench-gazebo: setup ## the lane task in each Gazebo found: learning, transfer, speed, delays, repeatability (an hour)
	@$(BIN)/spikedrive bench gazebo

bench-setup: setup ## add to .venv the simulators that the network is compared with (6 GB)
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --require-hashes -r requirements-bench.txt

gazebo-classic: ## put Gazebo Classic 11 into build/gazebo-classic, from this machine's mirror (1 GB)
	@$(PYTHON) -B scripts/gazebo_classic.py

clean-gazebo: ## remove build/gazebo-classic
	@rm -rf build/gazebo-classic build/gazebo-classic.log

lock: setup ## pin the newest versions of all requirements, in requirements.txt and requirements-bench.txt
	@$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev --extra ros --extra sweep pyproject.toml requirements.in -o requirements.txt --quiet
	@$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra bench -c requirements.txt pyproject.toml -o requirements-bench.txt --quiet

wheel: setup ## build dist/spikedrive-*.whl
	@$(BIN)/uv build --quiet --python $(BIN)/python --no-build-isolation --out-dir dist

clean: ## remove all that was made but out/ and build/gazebo-classic
	@rm -rf .venv *.egg-info dist ros_ws/build ros_ws/install ros_ws/log .pytest_cache .ruff_cache .hypothesis
	@find build -mindepth 1 -maxdepth 1 ! -name 'gazebo-classic*' -exec rm -rf {} + 2>/dev/null; rmdir build 2>/dev/null; true
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
