"""The colour scale of counts tells its end."""

import numpy as np
import pytest

from sayre.figures.style import CLOSE, count_ticks


@pytest.mark.parametrize(
    ("most", "texts"),
    [
        (64, ["0", "1", "10", "64"]),
        (10, ["0", "1", "10"]),
        (9.6, ["0", "1", "9.6"]),  # 10 is beyond the end
        (1.05e3, ["0", "1", "10", "100", "1050"]),  # 1000 would be written over the end
        (1.2345e5, ["0", "1", "10", "100", "1000", "10⁴", "1.23·10⁵"]),
        (1e6, ["0", "1", "10", "100", "1000", "10⁴", "10⁵", "10⁶"]),
        (0.3, ["0", "0.3"]),
    ],
)
def test_the_end_of_the_scale_is_written(most, texts):
    top = float(np.log10(1 + most))
    ticks = count_ticks(top)
    assert ticks.texts == texts
    assert ticks.places[-1] == top
    assert ticks.places[-1] - ticks.places[-2] >= CLOSE * top
    np.testing.assert_allclose(10 ** np.array(ticks.places[:-1]) - 1, [0, *10.0 ** np.arange(len(texts) - 2)])
