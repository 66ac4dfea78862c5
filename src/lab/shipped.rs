//! The labs that come with the program.

use super::{Error, Lab};

/// A lab that comes with the program.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Shipped {
    /// Its number.
    pub number: u8,
    /// Its short name.
    pub name: &'static str,
    /// Its file's text.
    pub text: &'static str,
}

impl Shipped {
    /// The lab, with some values in place of the file's.
    ///
    /// # Errors
    /// When a value is wrong: the file is right, as a test checks.
    pub fn lab(&self, sets: &[(String, String)]) -> Result<Lab, Error> {
        Lab::with(&format!("lab {}", self.number), self.text, sets)
    }
}

macro_rules! labs {
    ($($number:literal $name:literal,)*) => {
        &[$(Shipped {
            number: $number,
            name: $name,
            text: include_str!(concat!("labs/", $name, ".toml")),
        }),*]
    };
}

/// All labs, by experiment: a number's first digits tell the experiment, the last one a variation
/// of it.
pub fn shipped() -> &'static [Shipped] {
    labs! {
        1 "handshake",
        11 "syn-lost",
        2 "close",
        21 "refused",
        22 "last-ack-lost",
        3 "corrupted",
        31 "duplicated",
        32 "reordered",
        33 "udp-twin",
        4 "lost-packet",
        41 "tail-lost",
        42 "window-lost",
        43 "lost-again",
        5 "slow-start",
        51 "sawtooth",
        52 "cubic",
        6 "zero-window",
        7 "nagle",
        71 "typing",
        72 "connections",
        73 "idle",
        8 "syn-flood",
        81 "syn-cookies",
        82 "forged",
        10 "ethernet",
        101 "wire",
        102 "hub",
        103 "switch",
        104 "router",
        105 "traceroute",
        106 "storm",
        12 "dumbbell",
        121 "fair",
        122 "far-and-near",
        123 "reno-and-cubic",
        124 "marks",
        125 "bufferbloat",
    }
}

impl Shipped {
    /// The lab of that number or name.
    pub fn find(word: &str) -> Option<&'static Shipped> {
        let number = word.parse().ok();
        shipped().iter().find(|lab| Some(lab.number) == number || lab.name == word)
    }
}
