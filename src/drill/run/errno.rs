//! Errors by Linux's names and numbers.

use crate::base::SocketError;

/// An error number.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Errno(pub(super) u16);

macro_rules! errnos {
    ($($name:ident = $number:literal),* $(,)?) => {
        #[allow(dead_code, reason = "scripts may name any of them")]
        impl Errno {
            $( pub(super) const $name: Errno = Errno($number); )*
            /// Names and numbers.
            pub(super) const ALL: &'static [(&'static str, u16)] =
                &[$((stringify!($name), $number)),*];
        }
    };
}

errnos! {
    EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8,
    EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15,
    EBUSY = 16, EEXIST = 17, EXDEV = 18, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22,
    ENFILE = 23, EMFILE = 24, ENOTTY = 25, ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, ESPIPE = 29,
    EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33, ERANGE = 34, EDEADLK = 35, ENAMETOOLONG = 36,
    ENOLCK = 37, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, ENOMSG = 42, EIDRM = 43, ECHRNG = 44,
    EL2NSYNC = 45, EL3HLT = 46, EL3RST = 47, ELNRNG = 48, EUNATCH = 49, ENOCSI = 50, EL2HLT = 51,
    EBADE = 52, EBADR = 53, EXFULL = 54, ENOANO = 55, EBADRQC = 56, EBADSLT = 57, EBFONT = 59,
    ENOSTR = 60, ENODATA = 61, ETIME = 62, ENOSR = 63, ENONET = 64, ENOPKG = 65, EREMOTE = 66,
    ENOLINK = 67, EADV = 68, ESRMNT = 69, ECOMM = 70, EPROTO = 71, EMULTIHOP = 72, EDOTDOT = 73,
    EBADMSG = 74, EOVERFLOW = 75, ENOTUNIQ = 76, EBADFD = 77, EREMCHG = 78, ELIBACC = 79,
    ELIBBAD = 80, ELIBSCN = 81, ELIBMAX = 82, ELIBEXEC = 83, EILSEQ = 84, ERESTART = 85,
    ESTRPIPE = 86, EUSERS = 87, ENOTSOCK = 88, EDESTADDRREQ = 89, EMSGSIZE = 90, EPROTOTYPE = 91,
    ENOPROTOOPT = 92, EPROTONOSUPPORT = 93, ESOCKTNOSUPPORT = 94, EOPNOTSUPP = 95,
    EPFNOSUPPORT = 96, EAFNOSUPPORT = 97, EADDRINUSE = 98, EADDRNOTAVAIL = 99, ENETDOWN = 100,
    ENETUNREACH = 101, ENETRESET = 102, ECONNABORTED = 103, ECONNRESET = 104, ENOBUFS = 105,
    EISCONN = 106, ENOTCONN = 107, ESHUTDOWN = 108, ETOOMANYREFS = 109, ETIMEDOUT = 110,
    ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113, EALREADY = 114, EINPROGRESS = 115,
    ESTALE = 116, EUCLEAN = 117, ENOTNAM = 118, ENAVAIL = 119, EISNAM = 120, EREMOTEIO = 121,
    EDQUOT = 122, ENOMEDIUM = 123, EMEDIUMTYPE = 124, ECANCELED = 125, ENOKEY = 126,
    EKEYEXPIRED = 127, EKEYREVOKED = 128, EKEYREJECTED = 129, EOWNERDEAD = 130,
    ENOTRECOVERABLE = 131, ERFKILL = 132, EHWPOISON = 133,
}

/// Second names.
const ALIASES: &[(&str, u16)] = &[("EWOULDBLOCK", 11), ("EDEADLOCK", 35), ("ENOTSUP", 95)];

impl Errno {
    /// The error of that name.
    pub(super) fn named(name: &str) -> Option<Errno> {
        let all = Errno::ALL.iter().chain(ALIASES);
        all.into_iter().find(|(known, _)| *known == name).map(|(_, number)| Errno(*number))
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        Errno::ALL.iter().find(|(_, number)| *number == self.0).map_or("?", |(name, _)| name)
    }
}

impl From<SocketError> for Errno {
    fn from(error: SocketError) -> Errno {
        match error {
            SocketError::Refused => Errno::ECONNREFUSED,
            SocketError::Reset => Errno::ECONNRESET,
            SocketError::Aborted => Errno::ECONNABORTED,
            SocketError::TimedOut => Errno::ETIMEDOUT,
            SocketError::HostUnreachable => Errno::EHOSTUNREACH,
            SocketError::NetworkUnreachable => Errno::ENETUNREACH,
            SocketError::AddrInUse => Errno::EADDRINUSE,
            SocketError::AddrNotAvailable => Errno::EADDRNOTAVAIL,
            SocketError::NotConnected => Errno::ENOTCONN,
            SocketError::AlreadyConnected => Errno::EISCONN,
            SocketError::BrokenPipe => Errno::EPIPE,
            SocketError::MessageTooLong => Errno::EMSGSIZE,
            SocketError::InvalidInput => Errno::EINVAL,
            SocketError::WouldBlock => Errno::EAGAIN,
            SocketError::BadHandle => Errno::EBADF,
            SocketError::LimitReached => Errno::ENOMEM,
            SocketError::AccessDenied => Errno::EACCES,
            SocketError::NoProtocol => Errno::ENOPROTOOPT,
            SocketError::Protocol => Errno::EPROTO,
            SocketError::NotSupported => Errno::EOPNOTSUPP,
            SocketError::HostDown => Errno::EHOSTDOWN,
            SocketError::NoNetwork => Errno::ENONET,
        }
    }
}
