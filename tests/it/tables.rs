//! Scripts that are computed: the matrix of states and segments. They lie below `tests/wire` to be
//! read and to be run, by anybody's interpreter.

use std::fs;
use std::path::Path;

mod matrix;

#[test]
fn the_scripts_of_the_tables_are_as_they_are_computed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let all = [("matrix", matrix::scripts())];
    for (folder, scripts) in all {
        let mut kept = 0;
        for (path, text) in &scripts {
            let path = root.join(folder).join(path);
            if std::env::var_os("UPDATE").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
            }
            let there = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(&there, text, "{}: UPDATE=1 rewrites it", path.display());
            kept += 1;
        }
        assert!(kept >= 100, "{folder}: only {kept}");
    }
}
