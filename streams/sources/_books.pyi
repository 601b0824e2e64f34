import numpy as np
from numpy.typing import NDArray

def model_books(
    best: NDArray[np.int64],
    prints: NDArray[np.int64],
    *,
    instrument: int,
    venues: int,
    tick_nanos: int,
    step_back_ticks: int,
    max_lag_ticks: int,
    size_memory: int,
    round_lot_units: int,
) -> NDArray[np.uint8]: ...
