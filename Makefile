# Long versions of what the tests do briefly.

PYTHON ?= python
INPUTS ?= 10000
SEED ?= 1

.PHONY: fuzz
fuzz:  ## mutated inputs through the whole command; prints a table of outcomes
	PYTHONPATH=src:tests/faults $(PYTHON) tests/faults/fuzz.py --inputs $(INPUTS) --seed $(SEED)
