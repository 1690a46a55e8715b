"""The capstone: electrical records and live streams against limits, with a verdict."""
