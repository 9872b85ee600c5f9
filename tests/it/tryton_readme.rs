//! Every command of `README.md`, in its order and as it stands there, by a real shell against a real ERP. What the reader
//! builds with `cargo build` is what the gate built; the two tasks are run by the gate itself.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bindery_tests::{Data, Tryton, artifact, artifact_names};

/// In the place of `cargo` for `cargo build`: puts the built files of the packages where cargo would. Whatever else is
/// asked of it fails.
const CARGO: &str = r#"#!/bin/sh
set -eu
[ "$1 $2" = "build --release" ] || { echo "no test can run: cargo $*" >&2; exit 1; }
shift 2
mkdir -p target/release
while [ $# -gt 0 ]; do
    [ "$1" = -p ] && [ -d "packages/$2" ] || { echo "the gate does not build: $*" >&2; exit 1; }
    cp -r "packages/$2/." target/release/
    shift 2
done
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Lines of the fenced blocks that are commands.
fn commands(document: &str) -> Vec<String> {
    let (mut found, mut language) = (Vec::new(), None);
    for line in document.lines() {
        match (line.strip_prefix("```"), &language) {
            (Some(_), Some(_)) => language = None,
            (Some(name), None) => language = Some(name.to_owned()),
            (None, Some(name)) if name == "sh" => found.push(line.to_owned()),
            (None, _) => {}
        }
        let known = [None, Some("sh"), Some("text"), Some("rust"), Some("toml")];
        assert!(known.contains(&language.as_deref()), "a block of the language {language:?}: is it a command?");
    }
    found
}

/// Files of each package, laid out for [`CARGO`].
fn lay_out_packages(folder: &Path) {
    for name in artifact_names() {
        let file = artifact(&name);
        let package = name.strip_prefix("plugin:").map_or(name.clone(), |plugin| format!("bindery-{plugin}"));
        let package = folder.join("packages").join(package);
        fs::create_dir_all(&package).unwrap();
        std::os::unix::fs::symlink(&file, package.join(file.file_name().unwrap())).unwrap();
    }
    let cargo = folder.join("bin/cargo");
    fs::create_dir_all(cargo.parent().unwrap()).unwrap();
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_command_of_the_readme_works() {
    let (data, tryton) = (Data::new(), Tryton::serve(300, 100, 200));
    let folder = data.beside("checkout");
    lay_out_packages(&folder);
    fs::write(folder.join("KEYFILE"), &tryton.key).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut script = "trap 'kill $!' EXIT\n".to_owned();
    for line in commands(&readme).iter().filter(|line| !line.starts_with("cargo xtask ")) {
        script += &line.replace("https://erp.example.com/DATABASE", &tryton.url);
        script.push('\n');
    }
    let mut command = Command::new("sh");
    command.args(["-eux", "-c", &script]).current_dir(&folder).stdin(Stdio::null());
    command.env_clear().env("HOME", data.beside("home")).env("PATH", "bin:/usr/local/bin:/usr/bin:/bin");
    let output = command.output().unwrap();
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{said}");
    assert!(said.contains("Nothing is wrong."), "{said}");
}

#[test]
fn the_tasks_of_the_readme_are_run_by_the_gate() {
    let text = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let tasks: Vec<String> = commands(&text("README.md")).into_iter().filter(|line| line.contains("xtask")).collect();
    let task = |line: &String| line.split('#').next().unwrap_or_default().trim().to_owned();
    assert_eq!(tasks.iter().map(task).collect::<Vec<_>>(), ["cargo xtask check", "cargo xtask demo"]);
    assert!(text(".ci/run").contains("cargo xtask check"));
    assert!(text("xtask/src/check.rs").contains("demo::is_shown_to_its_end"));
}
