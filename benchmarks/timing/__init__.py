"""Cases whose times are watched, their records, and the page of them: what `watch.py` calls."""
