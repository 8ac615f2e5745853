"""Trees of HDF5 files: what is where, arrays and their parts, virtual datasets, NeXus and CXI."""
