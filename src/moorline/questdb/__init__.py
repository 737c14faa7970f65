"""QuestDB: a sender for rows and frames, over TLS that is verified.

Under construction.
"""
