//! Row 2: UDP.
