//! How text is dressed: colours and characters. Whether a terminal wants them is for the caller to
//! know; plain text with Unicode is the default.

/// What the caller's terminal can show.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Arrows and lines of Unicode; ASCII otherwise.
    pub unicode: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { color: false, unicode: true }
    }
}

/// What a piece of text means, and so its colour.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    /// Sent by this host.
    Out,
    /// Arrived.
    In,
    /// A change of state, a timer, a limit.
    Note,
    /// An application's call.
    Call,
    /// Drops, resets, retransmissions.
    Alarm,
    /// Reasons, numbers, summaries.
    Faint,
    /// Headings.
    Head,
}

impl Style {
    /// `text` in the tone's colour.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.trim().is_empty() {
            return text.to_string();
        }
        let code = match tone {
            Tone::Out => "32",
            Tone::In => "36",
            Tone::Note => "33",
            Tone::Call => "35",
            Tone::Alarm => "31",
            Tone::Faint => "2",
            Tone::Head => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// `text` with its arrows and dots in ASCII when that is wanted. RFC citations keep their `§`
    /// as `S`.
    pub(crate) fn letters(self, text: &str) -> String {
        if self.unicode {
            return text.replace("->", "→");
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '…' => out.push_str("..."),
                '→' => out.push_str("->"),
                '§' => out.push('S'),
                c if c.is_ascii() => out.push(c),
                _ => out.push('?'),
            }
        }
        out
    }

    /// The mark of something left out.
    pub(super) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}
