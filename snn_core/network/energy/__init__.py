"""Energy estimates: operations counted, times published energies."""
