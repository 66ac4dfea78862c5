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

impl Rule {
    /// A sentence of this rule in any language, its places filled with a decision's inputs.
    pub fn fill(sentence: &str, inputs: &[(&'static str, String)]) -> String {
        inputs.iter().fold(sentence.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }
}

/// Declares an enum whose variants explain themselves. See [`crate::base::why::Why`] for one.
///
/// Each variant reads `Name { fields } = "key", "RFC rule", "sentence with {fields}";`. The enum
/// gets `RULES` (the table), `KEYS`, `COUNT`, `key()`, `index()`, `rfc()`, `inputs()` and `Display`
/// (the sentence).
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

            /// The inputs of the decision, by name and as they are shown.
            pub fn inputs(&self) -> Vec<(&'static str, String)> {
                match self {
                    $( Self::$Var $({ $($f),* })? => {
                        vec![$($((stringify!($f), $f.to_string())),*)?]
                    } ),*
                }
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

#[cfg(test)]
mod tests {
    use super::Rule;
    use crate::base::Limit;
    use crate::base::limit::Millis;

    #[test]
    fn sentences_of_other_languages_are_filled_with_the_same_inputs() {
        let limit = Limit::BodyRate { bytes: 3000, after: Millis(30_000) };
        let rule = &Limit::RULES[limit.index()];
        assert_eq!(Rule::fill(rule.text, &limit.inputs()), limit.to_string());
        let german = "in {after} kamen keine {bytes} Bytes";
        assert_eq!(Rule::fill(german, &limit.inputs()), "in 30 s kamen keine 3000 Bytes");
        assert_eq!(Limit::Stopping.inputs(), []);
    }
}
