//! The host as a shared object for the original packetdrill's `--so_filename`: a table of C
//! functions for sockets, packets and the clock, behind which the interpreter's kernel of calls
//! stands. Time is virtual: it passes in `usleep`, while a packet or a call is waited for, and by a
//! microsecond whenever it is asked for.
//!
//! `abi` is what C has of it, `flags` reads `--so_flags`, `shared` is the kernel for several
//! threads, `slots` are the functions.
//!
//! With `sys` the only module that may use `unsafe`: pointers come from C, as its header promises
//! them.

mod abi;
mod flags;
mod shared;
mod slots;

#[cfg(test)]
mod tests;

pub use abi::Interface;
use std::ffi::{CStr, c_char};

/// Fills in the table of functions. `flags`: see `docs/drill.md`; what is wrong in them is told on
/// standard error, and ends the process.
///
/// # Safety
/// `flags` is null or a string that ends in a zero, `table` points to the interface's table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(flags: *const c_char, table: *mut Interface) {
    // SAFETY: as the caller promises.
    let flags = (!flags.is_null()).then(|| unsafe { CStr::from_ptr(flags) });
    let flags = flags.map(|flags| flags.to_string_lossy().into_owned()).unwrap_or_default();
    let host = match flags::Flags::parse(&flags) {
        Ok(flags) => shared::Shared::new(flags),
        Err(what) => {
            eprintln!("netglass: --so_flags: {what}");
            std::process::exit(2);
        }
    };
    // SAFETY: as the caller promises.
    unsafe { table.write(slots::table(host)) };
}
