"""`sayre strain`: any complex object to displacement, strain and frames."""
