"""Readers of annotations, a module per form, and the step of a scan that hands files to them."""
