"""The folder that a reader copies to start a backend; `create_backend_from_template` does it."""
