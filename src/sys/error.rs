//! What can go wrong while a device is set up, each with a sentence that says what to do.

use std::fmt;
use std::io;
use std::net::IpAddr;

/// Why a namespace, device or address could not be set up.
#[derive(Debug)]
pub enum SetupError {
    /// The kernel wants a privilege this process does not have.
    NoPrivilege {
        /// What was tried, as in "to create a TUN device".
        what: &'static str,
    },
    /// The kernel gives this user no namespaces, or no more.
    NoNamespaces,
    /// There is no `/dev/net/tun`.
    NoTunDevice,
    /// `/dev/net/tun` may not be opened by this user.
    TunDeviceClosed,
    /// A user namespace is needed, but a second thread exists already.
    Threads,
    /// Not a name an interface can have.
    BadName {
        /// The name.
        name: String,
    },
    /// An interface of that name exists and is in use.
    NameTaken {
        /// The name.
        name: String,
    },
    /// An interface of that name exists, and is none that could be attached to.
    OtherKind {
        /// The name.
        name: String,
    },
    /// No interface of that name exists.
    NoSuchLink {
        /// The name.
        name: String,
    },
    /// The kernel has no interfaces for VLANs.
    NoVlans,
    /// An interface that is to be used as it is, is off.
    LinkDown {
        /// Its name.
        name: String,
    },
    /// An interface that does not carry Ethernet frames.
    NotEthernet {
        /// Its name.
        name: String,
    },
    /// An interface has the address already.
    AddressTaken {
        /// The address.
        addr: IpAddr,
        /// The interface that has it.
        by: String,
    },
    /// A prefix length beyond the address's.
    BadPrefix {
        /// The address.
        addr: IpAddr,
        /// The prefix length in bits.
        prefix: u8,
    },
    /// A route to the destination exists already.
    RouteTaken {
        /// The destination's address.
        dst: IpAddr,
        /// Its prefix length in bits.
        prefix: u8,
    },
    /// The system refused for another reason.
    System {
        /// What was tried, as in "to set the MTU".
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl SetupError {
    /// The error for a system call that failed while trying `what`.
    pub fn system(what: &'static str, source: impl Into<io::Error>) -> SetupError {
        let source = source.into();
        match source.kind() {
            io::ErrorKind::PermissionDenied => SetupError::NoPrivilege { what },
            _ => SetupError::System { what, source },
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::NoPrivilege { what } => write!(
                f,
                "no privilege {what}: run it in a private network namespace (unshare -Urn) or as \
                 root"
            ),
            SetupError::NoNamespaces => f.write_str(
                "this system allows this user no private network namespace: set the sysctl \
                 user.max_user_namespaces (and, where it exists, \
                 kernel.unprivileged_userns_clone) or run as root",
            ),
            SetupError::NoTunDevice => f.write_str(
                "there is no /dev/net/tun: load the module with \"modprobe tun\", or give the \
                 container that device",
            ),
            SetupError::TunDeviceClosed => f.write_str(
                "/dev/net/tun may not be opened by this user: run as root, or make it accessible \
                 with \"chmod 666 /dev/net/tun\" and run in a private network namespace \
                 (unshare -Urn)",
            ),
            SetupError::Threads => f.write_str(
                "a process with several threads cannot enter a user namespace: enter it before \
                 starting threads",
            ),
            SetupError::BadName { name } => write!(
                f,
                "\"{name}\" is no interface name: use 1 to 15 characters without spaces, '/' \
                 and ':', and '%' only as %d"
            ),
            SetupError::NameTaken { name } => {
                write!(f, "the interface {name} exists and is in use: choose another name")
            }
            SetupError::OtherKind { name } => write!(
                f,
                "the interface {name} exists and is of another kind (a TAP device is one for \
                 Ethernet, as with --tap, and a TUN device is one without): choose another name"
            ),
            SetupError::NoSuchLink { name } => write!(f, "there is no interface {name}"),
            SetupError::NoVlans => f.write_str(
                "this kernel has no interfaces for VLANs: load the module with \"modprobe 8021q\"",
            ),
            SetupError::LinkDown { name } => write!(
                f,
                "the interface {name} is down: switch it on with \"ip link set dev {name} up\""
            ),
            SetupError::NotEthernet { name } => {
                write!(f, "the interface {name} is no Ethernet: there is no packet socket for it")
            }
            SetupError::AddressTaken { addr, by } => {
                write!(f, "the interface {by} has the address {addr} already: choose another one")
            }
            SetupError::BadPrefix { addr, prefix } => {
                write!(f, "{addr}/{prefix} is no network: the prefix is longer than the address")
            }
            SetupError::RouteTaken { dst, prefix } => {
                write!(f, "there is a route to {dst}/{prefix} already: remove it or choose another")
            }
            SetupError::System { what, source } => write!(f, "the system refused {what}: {source}"),
        }
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SetupError::System { source, .. } => Some(source),
            _ => None,
        }
    }
}
