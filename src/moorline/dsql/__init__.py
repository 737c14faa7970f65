"""Aurora DSQL: tokens nobody waits for, verified TLS, transactions that tell the truth.

Under construction: endpoints, retry policies and the classification of conflicts are
here; tokens, connections and transactions are not.
"""
