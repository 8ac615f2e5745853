"""The interactive page of `sayre view`: a server for one user on one machine, and what its page computes."""
