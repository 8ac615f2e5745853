"""`sayre batch`: many scans, each a `sayre run`, in processes of this machine or of a cluster."""
