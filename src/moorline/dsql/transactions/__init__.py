"""Transactions that tell the truth: committed, not committed, or unknown."""
