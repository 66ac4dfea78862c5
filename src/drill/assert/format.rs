//! Numbers and strings in the forms that `%` and f-strings ask for.

use super::value::Value;

/// Columns and digits that a form may ask for.
const WIDEST: usize = 256;

/// A form: `%-8.3f`, `{:>8x}`.
#[derive(Clone, PartialEq, Debug, Default)]
struct Form {
    fill: Option<char>,
    /// `<`, `>`, `^`.
    align: Option<char>,
    /// `+` or a blank before numbers that are not negative.
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    comma: bool,
    precision: Option<usize>,
    /// `d`, `x`, `s`, …
    kind: Option<char>,
}

/// Digits at the start of a text, as a number, and what follows.
fn digits(text: &str) -> Result<(usize, &str), String> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = if len == 0 { 0 } else { text[..len].parse().unwrap_or(usize::MAX) };
    if number > WIDEST {
        return Err(format!("a form wider than {WIDEST}"));
    }
    Ok((number, &text[len..]))
}

/// `.N` at the start of a text.
fn precision(text: &str) -> Result<(Option<usize>, &str), String> {
    match text.strip_prefix('.') {
        Some(rest) => digits(rest).map(|(number, rest)| (Some(number), rest)),
        None => Ok((None, text)),
    }
}

impl Form {
    /// The form behind the colon of an f-string.
    fn of_spec(spec: &str) -> Result<Form, String> {
        let mut form = Form::default();
        let mut rest = spec;
        let mut chars = spec.chars();
        let (first, second) = (chars.next(), chars.next());
        let is_align = |c: Option<char>| matches!(c, Some('<' | '>' | '^'));
        if is_align(second) {
            (form.fill, form.align) = (first, second);
            rest = chars.as_str();
        } else if is_align(first) {
            form.align = first;
            rest = &spec[1..];
        }
        if let Some(sign) = rest.chars().next().filter(|c| ['+', ' ', '-'].contains(c)) {
            form.sign = Some(sign).filter(|sign| *sign != '-');
            rest = &rest[1..];
        }
        for (mark, flag) in [('#', &mut form.alternate), ('0', &mut form.zero)] {
            if let Some(after) = rest.strip_prefix(mark) {
                (*flag, rest) = (true, after);
            }
        }
        (form.width, rest) = digits(rest)?;
        if let Some(after) = rest.strip_prefix(',') {
            (form.comma, rest) = (true, after);
        }
        (form.precision, rest) = precision(rest)?;
        let mut chars = rest.chars();
        form.kind = chars.next();
        if chars.next().is_some() || form.kind.is_some_and(|kind| !"dxXobeEfFgs%".contains(kind)) {
            return Err(format!("the form `{spec}`"));
        }
        Ok(form)
    }

    /// The form behind a percent sign, and what follows it.
    fn of_percent(text: &str) -> Result<(Form, &str), String> {
        let mut form = Form::default();
        let mut rest = text;
        while let Some(flag) = rest.chars().next().filter(|c| "-+ #0".contains(*c)) {
            match flag {
                '-' => form.align = Some('<'),
                '#' => form.alternate = true,
                '0' => form.zero = true,
                sign => form.sign = form.sign.filter(|old| *old == '+').or(Some(sign)),
            }
            rest = &rest[1..];
        }
        (form.width, rest) = digits(rest)?;
        (form.precision, rest) = precision(rest)?;
        let mut chars = rest.chars();
        form.kind = chars.next();
        match form.kind {
            Some(kind) if "diuxXoeEfFgGsrc%".contains(kind) => Ok((form, chars.as_str())),
            Some(kind) => Err(format!("`%{kind}` in a string")),
            None => Err("a `%` at the end of a string".to_owned()),
        }
    }

    /// Sign, digits and width.
    fn number(&self, negative: bool, prefix: &str, digits: &str) -> String {
        let sign = match self.sign {
            _ if negative => "-".to_owned(),
            Some(sign) => sign.to_string(),
            None => String::new(),
        };
        let used = sign.len() + prefix.len() + digits.len();
        let zeros = if self.zero && self.align.is_none() {
            "0".repeat(self.width.saturating_sub(used))
        } else {
            String::new()
        };
        self.pad(format!("{sign}{prefix}{zeros}{digits}"), '>')
    }

    fn pad(&self, text: String, usual: char) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let fill = self.fill.unwrap_or(' ').to_string();
        let left = match self.align.unwrap_or(usual) {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        };
        format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left))
    }

    fn int(&self, n: i128) -> String {
        let size = n.unsigned_abs();
        let (prefix, digits) = match self.kind {
            Some('x') => ("0x", format!("{size:x}")),
            Some('X') => ("0X", format!("{size:X}")),
            Some('o') => ("0o", format!("{size:o}")),
            Some('b') => ("0b", format!("{size:b}")),
            _ if self.comma => ("", thousands(&size.to_string())),
            _ => ("", size.to_string()),
        };
        self.number(n < 0, if self.alternate { prefix } else { "" }, &digits)
    }

    fn float(&self, n: f64) -> String {
        let size = n.abs();
        let precision = self.precision.unwrap_or(6);
        let digits = match self.kind {
            Some('e') => exponent(size, precision),
            Some('E') => exponent(size, precision).to_uppercase(),
            Some('g' | 'G') => general(size, precision.max(1)),
            Some('%') => format!("{:.precision$}%", size * 100.0),
            Some('f' | 'F') => format!("{size:.precision$}"),
            _ if self.precision.is_some() => general(size, precision.max(1)),
            _ => format!("{size:?}"),
        };
        let digits = match digits.split_once('.') {
            Some((whole, part)) if self.comma => format!("{}.{part}", thousands(whole)),
            _ => digits,
        };
        self.number(n.is_sign_negative() && !n.is_nan(), "", &digits)
    }

    fn text(&self, text: &str) -> String {
        let cut = self.precision.unwrap_or(usize::MAX);
        self.pad(text.chars().take(cut).collect(), if self.kind.is_none() { '<' } else { '>' })
    }
}

/// `1.500000e+03`.
fn exponent(n: f64, precision: usize) -> String {
    let text = format!("{n:.precision$e}");
    match text.split_once('e') {
        Some((digits, power)) => {
            let (sign, power) = match power.strip_prefix('-') {
                Some(power) => ('-', power),
                None => ('+', power),
            };
            format!("{digits}e{sign}{power:0>2}")
        }
        None => text,
    }
}

/// So many significant digits, without zeros at the end.
fn general(n: f64, precision: usize) -> String {
    let text = format!("{n:.*e}", precision - 1);
    let power: i32 = text.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if power < -4 || power >= precision as i32 {
        let text = exponent(n, precision - 1);
        return match text.split_once('e') {
            Some((digits, power)) => format!("{}e{power}", trim(digits)),
            None => text,
        };
    }
    let places = (precision as i32 - 1 - power).max(0) as usize;
    trim(&format!("{n:.places$}"))
}

/// Commas between groups of three digits.
fn thousands(digits: &str) -> String {
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b',')).into_owned()
}

/// A value in the form of an f-string.
pub(super) fn format(value: &Value, spec: &str) -> Result<String, String> {
    let form = Form::of_spec(spec)?;
    match (value, form.kind) {
        (Value::Str(text), None | Some('s')) => Ok(Form { kind: None, ..form }.text(text)),
        (Value::Bool(truth), None) => Ok(form.text(if *truth { "True" } else { "False" })),
        (Value::Float(n), None | Some('e' | 'E' | 'f' | 'F' | 'g' | '%')) => Ok(form.float(*n)),
        (Value::Int(n), Some('e' | 'E' | 'f' | 'F' | 'g' | '%')) => Ok(form.float(*n as f64)),
        (Value::Int(n), None | Some('d' | 'x' | 'X' | 'o' | 'b')) => Ok(form.int(*n)),
        (other, _) if spec.is_empty() => Ok(other.show()),
        (other, _) => Err(format!("the form `{spec}` for a value of type {}", other.type_name())),
    }
}

/// `text % values`.
pub(super) fn percent(text: &str, values: &Value) -> Result<String, String> {
    let single = std::slice::from_ref(values);
    let values = match values {
        Value::Tuple(all) => all.as_slice(),
        _ => single,
    };
    let (mut out, mut rest, mut next) = (String::new(), text, 0);
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (form, after) = Form::of_percent(after)?;
        rest = after;
        if form.kind == Some('%') {
            out.push('%');
            continue;
        }
        let Some(value) = values.get(next) else {
            return Err("not enough arguments for format string".to_owned());
        };
        next += 1;
        out.push_str(&one(&form, value)?);
    }
    out.push_str(rest);
    if next < values.len() {
        return Err("not all arguments converted during string formatting".to_owned());
    }
    Ok(out)
}

/// One value behind a percent sign.
fn one(form: &Form, value: &Value) -> Result<String, String> {
    let wrong = || format!("%{} format: a number is required", form.kind.unwrap_or('d'));
    match form.kind {
        Some('s') => Ok(form.text(&value.show())),
        Some('r') => Ok(form.text(&value.repr())),
        Some('c') => match value {
            Value::Str(text) if text.chars().count() == 1 => Ok(form.text(text)),
            _ => {
                let code = value.int().and_then(|n| u32::try_from(n).ok());
                let c = code.and_then(char::from_u32).ok_or("%c requires int or char")?;
                Ok(form.text(&c.to_string()))
            }
        },
        Some('x' | 'X' | 'o') => value.int().map(|n| form.int(n)).ok_or_else(wrong),
        Some('d' | 'i' | 'u') => match value {
            Value::Float(n) if n.is_finite() => Ok(form.int(n.trunc() as i128)),
            _ => value.int().map(|n| form.int(n)).ok_or_else(wrong),
        },
        _ => value.float().map(|n| form.float(n)).ok_or_else(wrong),
    }
}
