"""The pages of `make docs`: plain HTML made from dbt's manifest, the seeds and the texts of docs/."""
