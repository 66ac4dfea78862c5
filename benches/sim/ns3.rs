//! The same dumbbell in ns-3: a program in C++ beside this file, built when it is needed.

use crate::Outcome;
use crate::measure::Figures;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// ns-3's modules, as pkg-config knows them.
const MODULES: [&str; 3] = ["ns3-point-to-point", "ns3-applications", "ns3-nix-vector-routing"];

/// The program, built.
pub(crate) struct Ns3 {
    program: PathBuf,
    pub(crate) version: String,
}

impl Ns3 {
    /// Builds the program, into cargo's directory for such things.
    ///
    /// # Errors
    /// What is missing, in words.
    pub(crate) fn build() -> Outcome<Ns3> {
        let missing = "ns-3 is not there (Debian: apt-get install g++ pkg-config libns3-dev, or \
                       scripts/bench sim --install)";
        let libs = said(Command::new("pkg-config").arg("--libs-only-l").args(MODULES));
        let libs = libs.map_err(|_| missing)?;
        let version = said(Command::new("pkg-config").args(["--modversion", MODULES[0]]))?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/sim/ns3/dumbbell.cc");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ns3-dumbbell");
        let mut compiler = Command::new("g++");
        compiler.args(["-O2", "-std=c++17", "-o"]).arg(&program).arg(source);
        said(compiler.args(libs.split_whitespace())).map_err(|e| format!("g++: {e}"))?;
        Ok(Ns3 { program, version: version.trim().to_owned() })
    }

    /// Runs `flows` flows for `millis` of virtual time.
    pub(crate) fn run(&self, flows: u16, millis: u64) -> Outcome<Figures> {
        Figures::of(Command::new(&self.program).args([flows.to_string(), millis.to_string()]))
    }
}

/// What a program says that does well.
fn said(program: &mut Command) -> Outcome<String> {
    let output = program.stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().into()),
    }
}
