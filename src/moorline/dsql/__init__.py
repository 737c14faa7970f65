"""Aurora DSQL: tokens nobody waits for, verified TLS, transactions that tell the truth.

Under construction: endpoints, tokens, retry policies and the classification of
conflicts are here; connections and transactions are not.
"""
