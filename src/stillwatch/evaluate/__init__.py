"""How well do we see: worlds of known truth, scanned and compared, with an interval on every figure."""
