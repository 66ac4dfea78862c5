//! The algorithms that a connection can have, by name: those built in, and the user's own.

use super::{CongestionControl, Cubic, Dctcp, EcnUse, NewReno, Reno};
use std::fmt;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

/// Makes an algorithm for a connection with segments of so many bytes and an initial window of so
/// many.
pub type Make = fn(smss: u32, iw: u32) -> Box<dyn CongestionControl>;

/// An algorithm, chosen by its name.
#[derive(Copy, Clone)]
pub struct Algorithm {
    name: &'static str,
    make: Make,
}

/// What users have added. Names are for the whole process, as the kernel's are for the machine, so
/// that a name in a lab file or a recording finds them.
static OWN: RwLock<Vec<Algorithm>> = RwLock::new(Vec::new());

impl Algorithm {
    /// RFC 9438; HyStart or HyStart++ (RFC 9406) may end its slow start.
    pub const CUBIC: Algorithm =
        Algorithm { name: "cubic", make: |smss, iw| Box::new(Cubic::new(smss, iw)) };
    /// As Linux names and does it: half of cwnd.
    pub const RENO: Algorithm =
        Algorithm { name: "reno", make: |smss, iw| Box::new(Reno::new(smss, iw)) };
    /// As RFC 5681 says it: half of what is in flight.
    pub const NEWRENO: Algorithm =
        Algorithm { name: "newreno", make: |smss, iw| Box::new(NewReno::new(smss, iw)) };
    /// RFC 8257.
    pub const DCTCP: Algorithm =
        Algorithm { name: "dctcp", make: |smss, iw| Box::new(Dctcp::new(smss, iw)) };

    /// Those that are always there.
    pub const ALL: [Algorithm; 4] =
        [Algorithm::CUBIC, Algorithm::RENO, Algorithm::NEWRENO, Algorithm::DCTCP];

    /// Adds an algorithm under a name of its own.
    ///
    /// # Errors
    /// When there is one of that name.
    // Rules: MAY-18.
    pub fn register(name: &'static str, make: Make) -> Result<Algorithm, NameTaken> {
        let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
        let known = Algorithm::ALL.iter().chain(own.iter()).any(|known| known.name == name);
        if known {
            return Err(NameTaken(name));
        }
        let algorithm = Algorithm { name, make };
        own.push(algorithm);
        Ok(algorithm)
    }

    /// All of them: those built in, then the user's own.
    pub fn known() -> Vec<Algorithm> {
        let own = OWN.read().unwrap_or_else(PoisonError::into_inner);
        Algorithm::ALL.iter().chain(own.iter()).copied().collect()
    }

    /// The name by which sockets choose it and `ss` shows it.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Makes it, for a connection with segments of `smss` bytes and the initial window `iw` bytes.
    pub fn make(self, smss: u32, iw: u32) -> Box<dyn CongestionControl> {
        (self.make)(smss, iw)
    }

    /// What it makes of explicit congestion notification.
    pub fn ecn(self) -> EcnUse {
        self.make(1, 1).ecn()
    }
}

impl Default for Algorithm {
    fn default() -> Algorithm {
        Algorithm::CUBIC
    }
}

impl PartialEq for Algorithm {
    fn eq(&self, other: &Algorithm) -> bool {
        self.name == other.name
    }
}

impl Eq for Algorithm {}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

#[cfg(feature = "record")]
impl serde::Serialize for Algorithm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

#[cfg(feature = "record")]
impl<'de> serde::Deserialize<'de> for Algorithm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Algorithm, UnknownAlgorithm> {
        let found = Algorithm::known().into_iter().find(|known| known.name == name);
        found.ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

/// There is no algorithm of that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownAlgorithm(String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Algorithm::known().into_iter().map(Algorithm::name).collect();
        let names = names.join(", ");
        write!(f, "there is no congestion control \"{}\": choose from {names}", self.0)
    }
}

impl std::error::Error for UnknownAlgorithm {}

/// There is an algorithm of that name already.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct NameTaken(&'static str);

impl fmt::Display for NameTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is a congestion control \"{}\" already", self.0)
    }
}

impl std::error::Error for NameTaken {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_names_and_others_are_none() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            let made = algorithm.make(1460, 14_600);
            assert_eq!((made.name(), made.cwnd()), (algorithm.name(), 14_600));
        }
        let error = "vegas".parse::<Algorithm>().unwrap_err().to_string();
        let start =
            "there is no congestion control \"vegas\": choose from cubic, reno, newreno, dctcp";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn users_add_their_own_once() {
        let make: Make = |smss, iw| Box::new(Reno::new(smss, iw));
        let own = Algorithm::register("own", make).expect("a new name");
        assert_eq!("own".parse(), Ok(own));
        assert_eq!(own.make(1_000, 3_000).cwnd(), 3_000);
        for taken in ["own", "cubic"] {
            let error = Algorithm::register(taken, make).unwrap_err().to_string();
            assert_eq!(error, format!("there is a congestion control \"{taken}\" already"));
        }
    }
}
