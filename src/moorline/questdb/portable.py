"""Keys of QuestDB's other clients and protocols.

A configuration string may be shared with clients that speak QWP, QuestDB's protocol
over WebSocket. Its keys are taken here and have no effect.
Source: QuestDB's documentation, "Client configuration string".
"""

from __future__ import annotations

import re

__all__ = ["NOT_SPOKEN", "UDP_ONLY", "has_no_effect"]

NOT_SPOKEN = {
    "ws": "QWP over WebSocket",
    "wss": "QWP over WebSocket",
    "udp": "QWP over UDP",
}
UDP_ONLY = frozenset({"max_datagram_size", "multicast_ttl"})
WITHOUT_EFFECT = frozenset(
    {
        # sending rows
        "qwp_ws_progress",
        "sender_id",
        "sf_max_segment_bytes",
        "sf_max_total_bytes",
        "sf_durability",
        "sf_sync_interval_millis",
        "sf_append_deadline_millis",
        "reconnect_max_duration_millis",
        "reconnect_initial_backoff_millis",
        "reconnect_max_backoff_millis",
        "initial_connect_retry",
        "auth_timeout_ms",
        "connect_timeout",
        "close_flush_timeout_millis",
        "request_durable_ack",
        "durable_ack_keepalive_interval_millis",
        "drain_orphans",
        "max_background_drainers",
        "error_inbox_capacity",
        "connection_listener_inbox_capacity",
        "max_frame_rejections",
        "poison_min_escalation_window_millis",
        "catch_up_cap_gap_min_escalation_window_millis",
        "buffer_pool_size",
        "transaction",
        # queries and pools
        "auth",
        "path",
        "max_version",
        "client_id",
        "compression",
        "compression_level",
        "max_batch_rows",
        "initial_credit",
        "target",
        "zone",
        "failover",
        "failover_max_attempts",
        "failover_backoff_initial_ms",
        "failover_backoff_max_ms",
        "failover_max_duration_ms",
        "query_timeout_ms",
        "query_close_timeout_ms",
        "sender_pool_min",
        "sender_pool_max",
        "query_pool_min",
        "query_pool_max",
        "acquire_timeout_ms",
        "idle_timeout_ms",
        "max_lifetime_ms",
        "housekeeper_interval_ms",
        "pool_reap",
        "lazy_connect",
    }
)
WHAT_TO_DO_ON_ERRORS = re.compile("on_[a-z_]+_error")


def has_no_effect(key: str) -> bool:
    """Tell whether a key is another client's, and means nothing here."""
    return key in WITHOUT_EFFECT or WHAT_TO_DO_ON_ERRORS.fullmatch(key) is not None
