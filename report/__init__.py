"""The report: one self-contained HTML page of what the built tables hold. It reads the database and nothing else."""
