//! Row 2: IP.
