# make book and make test need Python 3.11+, git and make, and bring everything else themselves, into .venv.

# The first Python that is new enough; PYTHON=... takes another.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(shell $(p) -c "$(NEW_ENOUGH)" 2>/dev/null && echo $(p))))
PIP_FLAGS ?=
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
PORT ?= 8000
GRADES ?= grades
BIN := .venv/bin
CHAPTERS := $(shell find chapters -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*')

export PYTHONHASHSEED := 0
export DLKIT_PROGRESS := off
# One thread a process where several processes run side by side.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -q -n $(JOBS) --dist loadscope
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=120 --nbval-sanitize-with tests/book/sanitize.cfg

.PHONY: help book test lint unit notebooks site execute normalize coverage assignments grade serve bench mutants colab repository clean html
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1	\2/' | expand -t 20

book: .venv/book ## build the pages and print their address; EXECUTE=1 runs the notebooks anew before
	@$(if $(filter 1,$(EXECUTE)),$(BIN)/python -m tools.notebooks execute)
	@$(MAKE) --no-print-directory html
	@echo "Open $$($(BIN)/python -c 'import pathlib; print(pathlib.Path("_build/html/index.html").resolve().as_uri())')" \
	  "(or run make serve)"

# The cheapest first: style, then conventions and the library, then the pages, then every notebook again.
test: .venv/test ## all of it: lint, unit tests, build, every notebook's outputs compared, pages, Colab
	@$(MAKE) --no-print-directory lint unit html
	$(PYTEST) $(NBVAL) $(CHAPTERS) tests/book/test_site.py tests/book/test_colab.py

lint: .venv/test ## check style, formatting and the notebooks' normal form
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tools.notebooks check

unit: .venv/test ## test the library and the book's conventions
	$(PYTEST) tests --ignore tests/book/test_site.py --ignore tests/book/test_colab.py

notebooks: .venv/test ## run every notebook and compare its outputs with what is stored
	$(PYTEST) $(NBVAL) $(CHAPTERS)

site: .venv/test ## test the built pages
	$(PYTEST) tests/book/test_site.py

# In a clean folder: jupyter-book passes over warnings of pages that it does not read again.
html:
	rm -rf _build
	$(BIN)/jupyter-book build . -n -W --keep-going --all -q

execute: .venv/test ## run notebooks (NOTEBOOK=path, else all) and store their outputs
	$(BIN)/python -m tools.notebooks execute $(NOTEBOOK)

normalize: .venv/test ## bring the notebooks into the form that is committed
	$(BIN)/python -m tools.notebooks normalize
	$(BIN)/ruff format .

coverage: .venv/test ## print how much of the register the notebooks demonstrate
	@$(BIN)/python -m tools.coverage

assignments: .venv/test ## write the students' and instructors' copies of the assignments to _build/assignments
	@$(BIN)/python -m tools.coursework build

grade: .venv/test ## grade a folder of submissions (SUBMISSIONS=...): grades.csv and feedback in GRADES=...
	@test -n "$(SUBMISSIONS)" || { echo "which folder? make grade SUBMISSIONS=folder" >&2; exit 1; }
	@$(BIN)/python -m tools.coursework build
	@$(BIN)/python -m tools.coursework grade "$(SUBMISSIONS)" --out "$(GRADES)" --jobs $(JOBS)

serve: ## serve the built pages on http://localhost:8000 (PORT=...)
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

bench: .venv/test ## measure the speed of dlkit, as ratios to PyTorch
	$(BIN)/python -m tests.benchmarks.speed

mutants: .venv/test ## change engine, convolution and optimizers in small ways; every change should fail a test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --editable ".[mutation]"
	rm -rf mutants
	$(ONE_THREAD) $(BIN)/mutmut run --max-children $(JOBS)
	$(BIN)/mutmut results

colab: .venv/test ## run one notebook (NOTEBOOK=path) alone, in an environment like Colab's
	COLAB_NOTEBOOK="$(NOTEBOOK)" $(BIN)/python -m pytest -q tests/book/test_colab.py

repository: .venv/book ## write the repository's address everywhere: REPO=owner/name
	$(BIN)/python -m tools.set_repository "$(REPO)"

clean: ## remove everything that is built, the environments too
	rm -rf .venv .venv-colab _build dist .pytest_cache .ruff_cache .hypothesis mutants

# Stamps: pip runs again only after pyproject.toml has changed.
.venv/book: pyproject.toml
	@$(call install,book)
	@touch $@

.venv/test: pyproject.toml
	@$(call install,book$(comma)test)
	@touch .venv/book $@

comma := ,
define install
if [ ! -x $(BIN)/python ]; then \
  if ! "$(PYTHON)" -c "$(NEW_ENOUGH)" 2>/dev/null; then \
    echo "Python 3.11 or newer is needed, and $(or $(PYTHON),none of: $(CANDIDATES)) is not; name one with PYTHON=..." >&2; \
    exit 1; \
  fi; \
  echo "making .venv with $(PYTHON)"; \
  "$(PYTHON)" -m venv .venv || { rm -rf .venv; exit 1; }; \
fi; \
echo "installing .[$(1)] into .venv, some minutes the first time"; \
$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --editable ".[$(1)]"
endef
