"""Evaluation plans: how values at perturbed scores are obtained, and what they cost. One plan a file."""
