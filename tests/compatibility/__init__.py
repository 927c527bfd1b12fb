"""What users of redset 0.5.1 rely on: its example, its bytes, its company on one server."""
