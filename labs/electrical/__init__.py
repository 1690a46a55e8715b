"""The capstone: electrical records and live streams against limits, with a verdict.

`records` and `sources` give samples, `meters` measure, `limits` judge, `stream` does it in real
time, `report` says what was found. `production.ProductionElectricalBackend` puts them together.
"""
