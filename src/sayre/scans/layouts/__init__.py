"""What several layouts share: parts of HDF5 files, spec files, folders of frames, circles, units."""
