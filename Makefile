# `make book` and `make test` do everything on a fresh machine; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help book pdf test elsewhere lab lint store package lock clean

help:
	@echo "make book   install, execute every notebook, build the HTML, say where it is; after make clean"
	@echo "            BY=oldest as an old processor would"
	@echo "make test   check style and spelling, run every test, compare every notebook with its stored"
	@echo "            outputs, open the built book in a browser, print it and read the PDF"
	@echo "make elsewhere   run every notebook and every example as other processors would, and name what differs;"
	@echo "            SETTINGS=\"oldest perturbed\" for some of the settings in tests/elsewhere.py"
	@echo "make pdf    print the whole book as one PDF"
	@echo "make lab    open a copy of the chapters in JupyterLab: what is saved there is yours"
	@echo "make store  execute the notebooks and store their outputs (after changing one)"
	@echo "make package   build what pip installs elsewhere: the library as a source distribution and a wheel"
	@echo "make lock   resolve the dependencies in pyproject.toml again"
	@echo "make clean  remove the built book and the environment"

# Not into the home, whatever pip's settings say. A copy of this folder makes an environment of its own.
export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_HASHES
# Without the first two Python finds `book` and keeps docstrings and assertions.
unexport PYTHONSAFEPATH PYTHONOPTIMIZE
ifneq ($(shell cat .venv/installed 2>/dev/null),$(CURDIR))
  $(shell rm -f .venv/installed)
endif

# The environment: everything in the lock, then this project itself, editable.
.venv/installed: pyproject.toml requirements.lock requirements.hashes
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}: try  make book PYTHON=python3.12")'
	$(PYTHON) book/environment.py
	@printf %s "$(CURDIR)" > $@

# The PDF and the browser tests use an installed Chromium or Chrome, or else fetch Playwright's own.
.venv/browser: .venv/installed
	@for name in chromium chromium-browser google-chrome; do \
	  if command -v $$name >/dev/null; then touch $@; fi; done
	@test -e $@ || { $(BIN)/playwright install chromium && touch $@; } \
	  || echo "No browser could be fetched: the PDF and the browser tests will say what to install."

# axe-core and Lighthouse, by the Node.js of the environment.
.venv/node_modules: .venv/installed tests/package-lock.json
	cp tests/package.json tests/package-lock.json .venv
	$(BIN)/npm ci --prefix .venv --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Several processes share the machine, and one thread each is faster than all fighting for it; it also makes
# the sums of a run the same everywhere.
book pdf store test: export OMP_NUM_THREADS := 1

book: .venv/installed
	@$(BIN)/python -m $(if $(BY),tests.elsewhere $(BY) --run) book.build

pdf: .venv/browser book
	@$(BIN)/python -m book.pdf

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

test: .venv/browser .venv/node_modules lint book
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

elsewhere: .venv/installed
	@$(BIN)/python -m tests.elsewhere $(SETTINGS)

lab: .venv/installed
	@$(BIN)/python -m book.lab

store: .venv/installed
	$(BIN)/python -m book.store

package: .venv/installed
	@$(BIN)/python -m book.package

# PyTorch's CUDA parts are left out of the lock: pip adds them where the chosen build of PyTorch needs them. The
# second file has the hashes of all but PyTorch (book/environment.py says why).
lock: .venv/installed
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
	  --extra all --extra book --extra test --upgrade pyproject.toml --output-file .venv/lock
	echo "# Every package of the book, the tests and the sweeps, made from pyproject.toml by \`make lock\`." > requirements.lock
	grep -vE '^(nvidia-|cuda-|triton)' .venv/lock >> requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
	  --no-deps --no-emit-package torch --generate-hashes requirements.lock --output-file requirements.hashes

clean:
	rm -rf _build .venv
