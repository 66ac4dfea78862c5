//! Runs of scripts as one page for browsers: each script with its verdict, its steps, and every
//! packet with its reason. Nothing is loaded from elsewhere, and there is no program in it.

use super::run::{Crossing, Failure, Verdict, words};
use std::fmt::{self, Display, Formatter};

/// A page that grows by scripts.
#[derive(Clone, Debug, Default)]
pub struct Page {
    scripts: String,
    total: usize,
    failed: usize,
}

/// Text that means nothing to HTML.
struct Plain<'a>(&'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            '\n' | '\t' => write!(f, "{c}"),
            c if c.is_control() => f.write_str("\u{fffd}"),
            c => write!(f, "{c}"),
        })
    }
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<title>netglass drill</title>\n<style>\n\
body { font: 14px/1.4 system-ui, sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }\n\
pre, td, .code { font-family: ui-monospace, monospace; font-size: 13px }\n\
pre { overflow-x: auto; background: #f4f4f4; padding: .6em }\n\
table { border-collapse: collapse } td, th { padding: .1em .8em .1em 0; vertical-align: top }\n\
th { text-align: left } .holds { color: #067a2b } .fails { color: #b00020 }\n\
.why { color: #555; font-family: system-ui, sans-serif }\n\
summary { cursor: pointer; font-weight: 600 } details { margin: .6em 0 }\n\
</style></head><body>\n<h1>netglass drill</h1>\n";

impl Page {
    /// A page without scripts.
    pub fn new() -> Page {
        Page::default()
    }

    /// Adds a script that was run.
    pub fn script(&mut self, name: &str, text: &str, verdict: &Verdict) {
        self.begin(name, verdict.passed());
        if let Some(failure) = &verdict.failure {
            self.failure(failure);
        }
        let skipped = verdict.skipped.iter();
        for (line, what) in skipped {
            self.scripts += &format!("<p>line {line} was skipped: {}</p>\n", Plain(what));
        }
        self.fold("Steps", &verdict.trace.join("\n"));
        self.packets(&verdict.packets);
        self.fold("Script", text);
        self.scripts += "</details>\n";
    }

    /// Adds a script that cannot be read.
    pub fn unreadable(&mut self, name: &str, error: &str) {
        self.begin(name, false);
        self.scripts += &format!("<pre>{}</pre></details>\n", Plain(error));
    }

    fn begin(&mut self, name: &str, passed: bool) {
        self.total += 1;
        self.failed += usize::from(!passed);
        let (open, word) = if passed { ("", "holds") } else { (" open", "fails") };
        let said = if passed { "holds" } else { "does not hold" };
        self.scripts += &format!(
            "<details{open}><summary>{}: <span class=\"{word}\">{said}</span></summary>\n",
            Plain(name)
        );
    }

    fn failure(&mut self, failure: &Failure) {
        let (line, what) = (failure.line, Plain(&failure.what));
        self.scripts += &format!("<p class=\"fails\">line {line}: {what}</p>\n<table>\n");
        let rows = [
            ("expected", failure.expected.as_deref()),
            ("actual", failure.actual.as_deref()),
            ("because", failure.why.as_deref()),
            ("state", Some(failure.state.as_str()).filter(|state| !state.is_empty())),
        ];
        for (name, text) in rows {
            let Some(text) = text else { continue };
            self.scripts += &format!("<tr><th>{name}</th><td>{}</td></tr>\n", Plain(text));
        }
        self.scripts += "</table>\n";
    }

    fn fold(&mut self, title: &str, text: &str) {
        self.scripts +=
            &format!("<details><summary>{title}</summary><pre>{}</pre></details>\n", Plain(text));
    }

    fn packets(&mut self, packets: &[Crossing]) {
        self.scripts += "<details><summary>Packets and their reasons</summary><table>\n";
        for (packet, shown) in packets.iter().zip(words(packets)) {
            let micros = packet.at.as_micros();
            self.scripts += &format!(
                "<tr><td>{}.{:06}</td><td>{}</td><td class=\"why\">{}</td></tr>\n",
                micros / 1_000_000,
                micros % 1_000_000,
                Plain(&shown),
                Plain(packet.why.as_deref().unwrap_or_default()),
            );
        }
        self.scripts += "</table></details>\n";
    }
}

/// The whole page.
impl Display for Page {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let holds = self.total - self.failed;
        write!(f, "{HEAD}<p>{holds} hold, {} do not.</p>\n{}", self.failed, self.scripts)?;
        f.write_str("</body></html>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::{Profile, parse, run};

    #[test]
    fn a_page_says_what_happened_and_loads_nothing() {
        let mut page = Page::new();
        let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                    +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n\
                    +0 connect(3, ..., ...) = -1 EINPROGRESS\n\
                    +0 > S 0:0(0) win 1 <...>";
        let name = "<script>alert('x')</script>&.pkt";
        let verdict = run(&parse("x", text, &[]).unwrap(), &Profile::linux());
        page.script(name, text, &verdict);
        page.unreadable("y", "line 1: <b>");
        let html = page.to_string();
        for part in [
            "0 hold, 2 do not",
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;.pkt",
            "window: expected 1, got ",
            "connect(): ask for a connection",
            "&gt; S 0:0(0)",
            "SYN-SENT",
            "line 1: &lt;b&gt;",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        for never in ["<script", "src=", "href=", "http:", "https:", "@import", "url(", "<b>"] {
            assert!(!html.contains(never), "{never}");
        }
        assert_eq!(html.matches("<details").count(), html.matches("</details>").count());
    }
}
