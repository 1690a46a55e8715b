"""The judges, one file per notebook (nbNN.py), loaded when one of its exercises is checked."""
