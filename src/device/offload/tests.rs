//! A real device in a private network namespace, with the kernel as the other end.
