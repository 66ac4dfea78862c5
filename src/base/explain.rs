//! The macro behind every enum that explains: one line per variant gives its key (what counters,
//! logs and translations call it), the rule it follows (an RFC section) and the sentence people
//! read, with the variant's fields filled in.

/// One variant of an enum that explains, as a row of a table: what every language needs that is to
/// follow.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The stable name that counters, logs and translations use.
    pub key: &'static str,
    /// The rule: an RFC section, or what else decides.
    pub rfc: &'static str,
    /// The sentence, with places in braces for the inputs it names.
    pub text: &'static str,
    /// The inputs of the decision, by name.
    pub inputs: &'static [&'static str],
}

/// Declares an enum whose variants explain themselves. See [`crate::base::why::Why`] for one.
///
/// Each variant reads `Name { fields } = "key", "RFC rule", "sentence with {fields}";`. The enum
/// gets `RULES` (the table), `KEYS`, `COUNT`, `key()`, `index()`, `rfc()` and `Display` (the
/// sentence).
#[macro_export]
macro_rules! explained {
    (
        $(#[$m:meta])*
        pub enum $Name:ident {
            $( $(#[$vm:meta])* $Var:ident $({ $( $(#[$fm:meta])* $f:ident : $t:ty ),* $(,)? })?
                = $key:literal, $rfc:literal, $text:literal; )*
        }
    ) => {
        $(#[$m])*
        pub enum $Name {
            $( $(#[$vm])* $Var $({ $( $(#[$fm])* $f: $t ),* })? ),*
        }

        impl $Name {
            /// Every variant's key, in the order of [`Self::index`].
            pub const KEYS: &'static [&'static str] = &[$($key),*];
            /// The table, in the same order.
            pub const RULES: &'static [$crate::base::Rule] = &[$($crate::base::Rule {
                key: $key,
                rfc: $rfc,
                text: $text,
                inputs: &[$($(stringify!($f)),*)?],
            }),*];
            /// How many variants there are.
            pub const COUNT: usize = Self::KEYS.len();

            /// The variant's place in [`Self::KEYS`].
            pub fn index(&self) -> usize {
                #[derive(Clone, Copy)]
                enum Place { $($Var),* }
                (match self { $( Self::$Var { .. } => Place::$Var ),* }) as usize
            }

            /// The stable name that counters, logs and translations use.
            pub fn key(&self) -> &'static str {
                Self::KEYS[self.index()]
            }

            /// The rule this follows: an RFC section, or what else decides.
            pub fn rfc(&self) -> &'static str {
                Self::RULES[self.index()].rfc
            }
        }

        impl std::fmt::Display for $Name {
            #[allow(unused_variables, reason = "a sentence need not name every input")]
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self { $( Self::$Var $({ $($f),* })? => write!(out, $text) ),* }
            }
        }
    };
}
