"""Everything that can go wrong at a venue, by the names that PROMISES.md gives them."""

from __future__ import annotations

from enum import IntEnum


class FaultKind(IntEnum):
    """What a FAULT does while it lasts. The first five are what a healthy venue says."""

    ACCEPT = 1
    PARTIAL = 2
    FILL = 3
    CANCEL_ACK = 4
    REPLACE_ACK = 5
    REJECT = 6
    CANCEL_REJECT = 7
    REPLACE_REJECT = 8
    CANCEL_RACE = 9
    DUPLICATE_REPORTS = 10
    OUT_OF_ORDER_REPORTS = 11
    DISCONNECT = 12
    RECONNECT = 13
    RESEND = 14
    SEQUENCE_RESET = 15
    RESTATEMENT = 16
    SLOW_VENUE = 17
    MALFORMED_REPLY = 18
    TOTAL_OUTAGE = 19
    SUBMIT_ONLY_OUTAGE = 20
    CANCEL_ONLY_OUTAGE = 21
    SLOW_DEGRADATION = 22
    STALE_BOOK = 23
    WRONG_SIDE_RECOVERY = 24
    ACK_LOST_AFTER_EXECUTION = 25
    LATE_FILL_AFTER_CANCEL = 26
    TRADE_ID_REUSED = 27
    RATE_LIMIT = 28
    DEAD_FEED = 29
    CLOCK_SKEW = 30
    PARTIAL_BATCH = 31
    REVOKED_CREDENTIALS = 32
    TRADE_CANCEL = 33
    TRADE_CORRECT = 34
    UNSOLICITED_CANCEL = 35
    OVERFILL = 36
    FILL_AFTER_DONE = 37
