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

/// All labs, by number.
pub fn shipped() -> &'static [Shipped] {
    labs! {
        1 "wire",
        2 "hub",
        3 "switch",
        4 "router",
        5 "traceroute",
        6 "dumbbell",
    }
}

impl Shipped {
    /// The lab of that number or name.
    pub fn find(word: &str) -> Option<&'static Shipped> {
        let number = word.parse().ok();
        shipped().iter().find(|lab| Some(lab.number) == number || lab.name == word)
    }
}
