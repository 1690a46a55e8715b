"""The search for options: compiled in processes of their own, timed and verified here."""
