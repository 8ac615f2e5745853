"""Readers of raw scans, one a layout; `sayre.scans.registry` lists them."""
