//! Tmp.
mod dumbbell;
mod measure;
mod program;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let flows = args[1].parse().unwrap();
    let ms: u64 = args[2].parse().unwrap();
    let f = dumbbell::run(flows, netglass::base::Instant::from_millis(ms));
    println!("{f:?} {} ns/packet", f.run.as_nanos() as u64 / f.packets);
}
