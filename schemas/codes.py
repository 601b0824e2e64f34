"""Numeric codes stored in records. A code is never reused; the C++ mirror is compared in a test."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from schemas import event_codes


class InputType(IntEnum):
    """First byte of an input record."""

    QUOTE = 1
    TRADE = 2
    STATUS = 3
    TIMER = 4
    NEW_ORDER = 16
    CANCEL_ORDER = 17
    AMEND_ORDER = 18
    END_OF_DAY = 19
    KILL = 20
    REARM = 21
    EXEC_REPORT = 32
    DROP_COPY = 33
    ACCOUNT = 34
    POSTING = 35
    INSTRUMENT = 48
    VENUE = 49
    LISTING = 50
    FEE = 51
    POLICY = 52
    LIMITS = 53
    SETTINGS = 54
    ENGINE = 55
    FEE_TIER = 56
    BILLING = 57
    VENUE_PRIOR = 97
    BUDGET = 98
    ORDER_STATUS = 99
    MASS_CANCEL = 100
    INVENTORY = 120


class OutputType(IntEnum):
    """Type tag of an output record."""

    DECISION = 1
    CHILD = 2
    CANCEL_CHILD = 3
    ORDER_STATE = 4
    CHILD_STATE = 5
    REFUSAL = 6
    QUALITY = 7
    ALARM = 8
    EXECUTION_QUALITY = 9
    VENUE_QUALITY = 10
    STATUS_REQUEST = 14
    REPLACE_CHILD = 15
    BREAK = 16
    POSITION = 17
    VENUE_SUMS = 57
    BUDGET_STATE = 58
    MASS_CANCEL_REPORT = 59


class QuoteFlag(IntFlag):
    """Flags of a QUOTE; the low nibble is the level index, 0 = top of book."""

    LEVEL_MASK = 0x0F
    MORE = 0x10
    MODELLED_BID = 0x20
    MODELLED_ASK = 0x40
    REPAIRED = 0x80


class TradeCondition(IntFlag):
    """What kind of print a TRADE is. Only REGULAR continuous prints can fill resting children."""

    REGULAR = 0x01
    ISO = 0x02
    OFF_EXCHANGE = 0x04
    AUCTION = 0x08
    CROSS = 0x10
    EXTENDED_HOURS = 0x20
    OUT_OF_SEQUENCE = 0x40
    DERIVED_PRICE = 0x80
    SUSPICIOUS = 0x100
    MODELLED = 0x200


class VenueStatus(IntEnum):
    """Trading state of a venue, or of an instrument at a venue."""

    UNKNOWN = 0
    OPEN = 1
    HALTED = 2
    AUCTION = 3
    CLOSED = 4
    DOWN = 5


class VenueKind(IntEnum):
    """How a venue trades."""

    LIT = 1
    DARK = 2
    WHOLESALER = 3


class Side(IntEnum):
    """FIX tag 54."""

    BUY = 1
    SELL = 2
    SELL_SHORT = 5
    SELL_SHORT_EXEMPT = 6


class OrdType(IntEnum):
    """FIX tag 40."""

    MARKET = 1
    LIMIT = 2


class TimeInForce(IntEnum):
    """FIX tag 59."""

    DAY = 0
    GTC = 1
    OPG = 2
    IOC = 3
    FOK = 4
    GTX = 5
    GTD = 6
    CLS = 7


class ExecInst(IntFlag):
    """FIX tag 18 values that the router knows, as bits; PROBE is ours, of children only."""

    HELD = 0x01
    NOT_HELD = 0x02
    ALL_OR_NONE = 0x04
    POST_ONLY = 0x08
    ISO = 0x10
    PROBE = 0x20
    MID_PEG = 0x40


class ExecType(IntEnum):
    """What an execution report says (FIX tag 150)."""

    NEW = 1
    TRADE = 2
    CANCELED = 3
    REJECTED = 4
    EXPIRED = 5
    CANCEL_REJECT = 6
    REPLACED = 7
    REPLACE_REJECT = 8
    TRADE_CANCEL = 9
    TRADE_CORRECT = 10
    DONE_FOR_DAY = 11
    RESTATED = 12
    ORDER_STATUS = 13
    PENDING_CANCEL = 14
    SUSPENDED = 15


class Liquidity(IntEnum):
    """Liquidity code of a fill, and key of a fee."""

    NONE = 0
    TAKE = 1
    ADD = 2
    HIDDEN = 3
    MID = 4
    AUCTION = 5


class ReportFlag(IntFlag):
    """Flags of an execution report."""

    MODELLED = 0x01
    POSS_DUP = 0x02
    POSS_RESEND = 0x04


class KillScope(IntEnum):
    """What a KILL input stops; by reference data (SUSPENDED) apart from by hand."""

    ALL = 0
    INSTRUMENT = 1
    VENUE = 2
    CLIENT = 3
    ACCOUNT = 4
    TRADER = 5
    SELF_HELP = 6
    SUSPENDED_VENUE = 7
    SUSPENDED_INSTRUMENT = 8
    SUSPENDED_ACCOUNT = 9


class FeeBasis(IntEnum):
    """What chooses the volume tier of a billing account."""

    PRIOR_TIER = 0
    FORECAST = 1
    MONTH_TO_DATE = 2


class PolicyKind(IntEnum):
    """How a policy ranks price levels."""

    BEST_PRICE = 1
    LOWEST_COST = 2
    FASTEST = 3
    PREFERRED = 4
    BALANCED = 5


class Protection(IntEnum):
    """What a policy does about a better protected quote that gets no child of ours."""

    NONE = 0
    LIMIT = 1
    ISO = 2


class Crossed(IntEnum):
    """What a policy does while venues are crossed against each other."""

    ROUTE = 0
    EXEMPT = 1
    WAIT = 2


class OrderState(IntEnum):
    """State of a parent order."""

    WORKING = 1
    CANCEL_PENDING = 2
    DONE = 3
    CANCELED = 4
    EXPIRED = 5
    REFUSED = 6
    SUSPENDED = 7
    AMEND_PENDING = 8
    DONE_FOR_DAY = 9


class ChildState(IntEnum):
    """State of a child order."""

    SENT = 1
    ACKNOWLEDGED = 2
    PARTIAL = 3
    CANCEL_PENDING = 4
    FILLED = 5
    CANCELED = 6
    REJECTED = 7
    EXPIRED = 8
    UNKNOWN = 9
    HELD = 10
    PLANNED = 11
    REPLACE_PENDING = 12
    CORRECTED = 13
    BUSTED = 14


class TimerKind(IntEnum):
    """Engine timers, fired in (due_ns, kind, id) order."""

    PUBLISH = 1
    ACK_TIMEOUT = 2
    RETRY = 3
    EXPIRE = 4
    FORGET = 5
    MARKOUT = 6
    CONTROL = 7
    HEALTH = 8
    HALVE = 9
    OPENING = 10
    QUERY = 13
    RELEASE = 14
    REST = 15


class Outcome(IntEnum):
    """What a decision achieved."""

    NOTHING = 0
    PARTIAL = 1
    FULL = 2


class DecisionFlag(IntFlag):
    """Circumstances of a decision."""

    MODELLED = 0x01
    CROSSED_ARRIVAL = 0x02
    LOCKED_ARRIVAL = 0x04
    ONE_SIDED_ARRIVAL = 0x08
    ISO = 0x10
    CAPPED = 0x20
    CROSSED_EXEMPT = 0x40
    SELF_HELP = 0x80


class AllocationFlag(IntFlag):
    """How the child of an allocation is to be worked."""

    POST = 0x01
    HELD = 0x02
    ISO = 0x04
    PROBE = 0x08
    PEG = 0x10


class CandidateFlag(IntFlag):
    """How a candidate block of a decision is stored, and what its book is."""

    WIDE_PRICE = 0x01
    WIDE_UNITS = 0x02
    OWN_UNITS = 0x04
    MODELLED = 0x08
    WIDE_IMPACT = 0x10
    BALANCE = 0x20
    TICKET = 0x40
    HIDDEN = 0x80


class LevelsFlag(IntFlag):
    """The count of levels of a candidate block in its low nibble, and what else it tells: what cut
    them, and whether its fee is bounded, by fill or by order.
    """

    COUNT_MASK = 0x0F
    INVENTORY = 0x10
    FEE_BOUNDS = 0x20
    FEE_PER_ORDER = 0x40


class Reason(IntEnum):
    """Why a venue was left out, an input or order was refused, or an order ended."""

    NONE = 0
    # venue exclusions; candidates.py has the order in which they are tested
    NOT_LISTED = 1
    NOT_ALLOWED = 2
    VENUE_KILLED = 3
    VENUE_NOT_OPEN = 4
    NO_QUOTE = 5
    STALE_QUOTE = 6
    CROSSED_BOOK = 7
    ALREADY_VISITED = 8
    BEYOND_LIMIT = 9
    NOTHING_AVAILABLE = 10
    BELOW_LOT = 11
    FEE_UNKNOWN = 12
    VENUE_HEALTH = 13
    NOT_PERMITTED = 14
    SELF_HELP = 15
    MARKET_CROSSED = 16
    THROUGH_PROTECTED = 17
    DARK_NOT_ALLOWED = 24
    NO_MIDPOINT = 25
    DARK_TOXIC = 26
    DARK_MINIMUM = 27
    NO_INVENTORY = 28
    RATE_LIMITED = 29
    # input refusals
    UNKNOWN_TYPE = 32
    TRUNCATED = 33
    TIME_BACKWARDS = 34
    DUPLICATE_INPUT = 35
    BAD_PRICE = 36
    BAD_SIZE = 37
    BAD_LEVEL = 38
    UNKNOWN_VENUE = 39
    UNKNOWN_INSTRUMENT = 40
    BAD_VALUE = 41
    REFERENCE_GAP = 42
    TABLE_FULL = 43
    UNKNOWN_CHILD = 44
    DUPLICATE_TRADE = 45
    NOT_SUPPORTED = 46
    WRONG_PLACE = 52
    TRADE_CONFLICT = 53
    UNKNOWN_TRADE = 54
    NO_PERSON = 55
    UNKNOWN_ACCOUNT = 56
    # order refusals
    DUPLICATE_ORDER = 64
    CONFLICTING_REPEAT = 65
    TOO_OLD = 66
    FROM_THE_FUTURE = 67
    BAD_SIDE = 68
    UNSUPPORTED_ORD_TYPE = 69
    UNSUPPORTED_TIME_IN_FORCE = 70
    UNSUPPORTED_EXEC_INST = 71
    UNSUPPORTED_MIN_QTY = 72
    UNSUPPORTED_DISPLAY_QTY = 73
    LOCATE_REQUIRED = 74
    MAX_ORDER_UNITS = 75
    MAX_ORDER_NOTIONAL = 76
    PRICE_COLLAR = 77
    NO_REFERENCE_PRICE = 78
    KILLED = 79
    UNKNOWN_POLICY = 80
    UNKNOWN_ORDER = 81
    FOK_NOT_FILLABLE = 82
    NO_IDENTITY = 83
    NOTIONAL_OVERFLOW = 84
    ENGINE_NOT_ACTIVE = 85
    DUPLICATE_TERMS = 86
    MESSAGE_RATE = 87
    RESTRICTED = 88
    GROSS_POSITION = 89
    NET_POSITION = 90
    SHORT_RESTRICTED = 91
    SELF_MATCH = 92
    THROTTLED = 93
    BAD_AMEND = 94
    TOO_LATE = 95
    NOTHING_TO_SELL = 119
    # ends of an order
    FILLED = 96
    IOC_REMAINDER = 97
    USER_CANCEL = 98
    HORIZON = 99
    MAX_ATTEMPTS = 100
    OVERFILLED = 101
    DONE_FOR_DAY = 102
    END_OF_DAY = 103
    POST_NOT_ALLOWED = 110
    VENUE_REPORT_BOUND = 111
    # why a held or resting child was withdrawn
    STALE_AT_RELEASE = 112
    TOUCH_MOVED = 113
    REST_TIME = 114
    UNHEALTHY_VENUE = 115
    VENUE_STOPPED = 116
    PARENT_ENDING = 117
    AMENDED = 118
    QUEUE_VALUE = 124
    BUDGET = 125
    OVERLOADED = 126


class AlarmKind(IntEnum):
    """Facts that a person must look at."""

    UNKNOWN_FILL = 1
    OVERFILL = 2
    CHILD_UNKNOWN = 3
    SOURCE_GAP = 4
    REFERENCE_GAP = 5
    LATE_FILL = 6
    FEE_MISMATCH = 7
    TRADE_CONFLICT = 12
    CHILD_PARKED = 13
    TRADE_CANCELED = 14
    TRADE_CORRECTED = 15
    THROTTLE_TRIPPED = 16
    UNSOLICITED_CANCEL = 17
    TOO_MANY_REPORTS = 18
    BREAK = 19
    INVENTORY_SHORT = 39


class HealthState(IntEnum):
    """Health of a venue; only UP gets orders unless the policy tolerates DEGRADED."""

    UP = 0
    DEGRADED = 1
    HALTED = 2
    DOWN = 3
    COOLING = 4


class SelfMatch(IntEnum):
    """Which of two own parents that could trade with each other gives way."""

    ALLOWED = 0
    CANCEL_NEWEST = 1
    CANCEL_OLDEST = 2
    CANCEL_BOTH = 3


HealthEvent = event_codes.HealthEvent
MarkoutKind = event_codes.MarkoutKind
MarkoutDrop = event_codes.MarkoutDrop
BreakKind = event_codes.BreakKind
