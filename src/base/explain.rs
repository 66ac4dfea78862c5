//! The macro behind every enum that explains: one line per variant gives its key (what counters,
//! logs and translations call it), the rule it follows (an RFC section) and the sentence people
//! read, with the variant's fields filled in.

/// Declares an enum whose variants explain themselves. See [`crate::base::why::Why`] for one.
///
/// Each variant reads `Name { fields } = "key", "RFC rule", "sentence with {fields}";`. The enum
/// gets `KEYS`, `SENTENCES`, `COUNT`, `key()`, `index()`, `rfc()` and `Display` (the sentence).
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
            /// Every variant's sentence, inputs not filled in, in the same order.
            pub const SENTENCES: &'static [&'static str] = &[$($text),*];
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
                match self { $( Self::$Var { .. } => $rfc ),* }
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
