# The one interface to the project. Each target installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet
PIP := -m pip install --quiet --disable-pip-version-check
INSTALLED := .venv/installed

.PHONY: install run test soak bench check fix sdl dictionary sbom lock

install: $(INSTALLED)

# pip checks the hash of every package. The project itself is linked, without its dependencies and
# with the locked build backend.
$(INSTALLED): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; old = sys.version_info < (3, 11); \
		sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] if old else 0)'
	$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Install the venv module of your Python (Debian: apt-get install python3-venv)."; exit 1; }
	$(BIN)/python $(PIP) --require-hashes -r requirements-dev.lock
	$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

run: $(INSTALLED)
	$(BIN)/casetypes serve

# In four processes, each with a MongoDB of its own: tests wait for disks and sockets more than they
# compute. A file stays in one process.
test: $(INSTALLED)
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

soak: $(INSTALLED)
	$(BIN)/python -m pytest -m soak

# All measurements, or one: make bench ROW=fanout OPTIONS="--sizes 1000 --rounds 3"
bench: $(INSTALLED)
	$(BIN)/python -m bench $(ROW) $(OPTIONS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/casetypes sdl --check schema.graphql
	$(BIN)/python -m tests.audit

fix: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sdl: $(INSTALLED)
	$(BIN)/casetypes sdl > schema.graphql

# The page that tells what every column of every export means.
dictionary: $(INSTALLED)
	$(BIN)/python -m resolvers.exports.data_dictionary > docs/data-dictionary.md

# The packages that a server installs, with their licences: a CycloneDX bill of materials, and the
# table in docs/licences.md.
sbom: $(INSTALLED)
	rm -rf build/runtime && $(PYTHON) -m venv build/runtime
	build/runtime/bin/python $(PIP) --require-hashes -r requirements.lock
	build/runtime/bin/python -m pip uninstall --quiet --yes pip setuptools
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON \
		-o build/sbom.cdx.json build/runtime/bin/python
	$(BIN)/python -m tests.licences build/runtime/bin/python > docs/licences.md

# Only when dependencies change: writes the two lock files, with hashes and without index lines.
lock: $(INSTALLED)
	$(LOCK) \
		pyproject.toml -o requirements.lock
	$(LOCK) \
		--extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
