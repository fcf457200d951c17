"""Files of events: one module a format, with ``sniff`` to tell it and a ``Recording`` to read it; writers."""
