"""Studies of 3D patterns and of the objects behind them."""
