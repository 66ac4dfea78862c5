//! `--so_flags`: words between commas, such as `profile=linux,sysctls=/proc/sys,mtu=1400`.

use super::super::run::{Profile, turn};
use std::fs;
use std::path::PathBuf;

/// What they say.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Flags {
    pub(super) profile: Profile,
    pub(super) mtu: u16,
    /// Where sysctls are read, when the first socket is made.
    sysctls: Option<PathBuf>,
}

/// The sysctls that are read below a directory.
const BELOW: &str = "net/ipv4";

impl Flags {
    pub(super) fn parse(text: &str) -> Result<Flags, String> {
        let mut flags = Flags { profile: Profile::linux(), mtu: 1500, sysctls: None };
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let wrong = || format!("{word} is not understood");
            match name {
                "profile" => {
                    flags.profile = Profile::named(value).ok_or_else(|| {
                        let names = Profile::NAMES.join(", ");
                        format!("there is no profile \"{value}\": choose from {names}")
                    })?;
                }
                "mtu" => flags.mtu = value.parse().map_err(|_| wrong())?,
                "sysctls" if !value.is_empty() => flags.sysctls = Some(value.into()),
                _ => return Err(format!("{}: profile, sysctls and mtu are known", wrong())),
            }
        }
        Ok(flags)
    }

    /// The profile, with the sysctls of the file: lines `NAME=VALUE`, and comments behind `#`. Of a
    /// directory, such as `/proc/sys`, what is not known here is left out.
    pub(super) fn turned(&self) -> Result<Profile, String> {
        let mut profile = self.profile.clone();
        let Some(path) = &self.sysctls else { return Ok(profile) };
        let complain = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
        if path.is_dir() {
            let entries = fs::read_dir(path.join(BELOW)).map_err(|error| complain(&error))?;
            for entry in entries.flatten() {
                let name = format!("net.ipv4.{}", entry.file_name().to_string_lossy());
                let mut next = profile.clone();
                let read = fs::read_to_string(entry.path());
                if read.is_ok_and(|value| turn(&mut next, &name, value.trim()).is_ok()) {
                    profile = next;
                }
            }
            return Ok(profile);
        }
        let text = fs::read_to_string(path).map_err(|error| complain(&error))?;
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let Some((name, value)) = line.split_once('=') else {
                if line.is_empty() {
                    continue;
                }
                return Err(complain(&format_args!("{line} is not NAME=VALUE")));
            };
            let turned = turn(&mut profile, name.trim(), value.trim().trim_matches('"'));
            turned.map_err(|error| complain(&error))?;
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_the_sysctls_of_a_file() {
        let path = std::env::temp_dir().join(format!("netglass-so-{}", std::process::id()));
        fs::write(&path, "# knobs\nnet.ipv4.tcp_sack = 0\nnet.ipv4.tcp_rmem=\"4096 9000 9000\"\n")
            .unwrap();
        let flags = format!("profile=rfc, mtu=1400,sysctls={}", path.display());
        let flags = Flags::parse(&flags).unwrap();
        let profile = flags.turned().unwrap();
        assert_eq!((profile.name, flags.mtu, profile.tcp.sack), ("rfc", 1400, false));
        assert_eq!(profile.tcp.recv_buffer_auto, (4500, 4500));
        fs::write(&path, "net.ipv4.tcp_telepathy=1").unwrap();
        let error = flags.turned().unwrap_err();
        assert!(error.contains("tcp_telepathy"), "{error}");
        fs::remove_file(&path).unwrap();
        assert!(flags.turned().is_err());
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, part) in [("colour=blue", "colour"), ("profile=vms", "vms"), ("mtu=x", "mtu=x")]
        {
            let error = Flags::parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
