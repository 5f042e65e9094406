//! Where the things under test are: the module, the programs, Envoy. Missing or stale, they fail with what to run.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate has a parent folder").to_path_buf()
}

/// The module that Envoy loads, built by `just wasm`.
pub fn module() -> PathBuf {
    let path = target().join("wasm32-wasip1/wasm/cambist_filter.wasm");
    demand_fresh(&path, "just wasm");
    path
}

/// A module that traps on a certain header, built by `just hostile planted=1`: what watches for failures must see it.
pub fn planted_module() -> PathBuf {
    let path = target().join("wasm32-wasip1/planted/cambist_filter.wasm");
    demand_fresh(&path, "just planted");
    path
}

/// The `cambist` program, of the same profile as the running one.
pub fn cambist() -> PathBuf {
    let path = programs().join("cambist");
    demand_fresh(&path, "just programs");
    path
}

/// `cambist-dev`, which also keeps children from outliving their parent.
pub fn cambist_dev() -> PathBuf {
    let path = programs().join("cambist-dev");
    assert!(path.exists(), "{} is not there; run: just programs", path.display());
    path
}

/// The Envoy that `just setup` chose.
pub fn envoy() -> PathBuf {
    let answer = root().join(".tools/envoy-path");
    let path = fs::read_to_string(&answer)
        .unwrap_or_else(|error| panic!("{}: {error}; run: just setup", answer.display()));
    let path = PathBuf::from(path.trim());
    assert!(path.exists(), "{} is not there; run: just setup", path.display());
    path
}

/// The folder with the packages of the OIDC provider that is not ours, installed by `just oidc-provider`.
pub fn oidc_provider() -> PathBuf {
    let home = root().join(".tools/oidc-provider");
    let wanted = fs::read(root().join("tests/peers/oidc-provider/package-lock.json"));
    let there = fs::read(home.join("package-lock.json"));
    let same = wanted.is_ok_and(|wanted| there.is_ok_and(|there| wanted == there));
    assert!(same, "{} is not what the lock file says; run: just oidc-provider", home.display());
    home
}

/// The folder with the JWT library that is not ours, installed by `just verifiers`.
pub fn verifiers() -> PathBuf {
    let home = root().join(".tools/verifiers");
    let wanted = fs::read(root().join("tests/peers/verifiers/package-lock.json"));
    let there = fs::read(home.join("package-lock.json"));
    let same = wanted.is_ok_and(|wanted| there.is_ok_and(|there| wanted == there));
    assert!(same, "{} is not what the lock file says; run: just verifiers", home.display());
    home
}

/// The verifier of JWT-SVIDs that is not ours, built by `just spiffe`.
pub fn spiffe() -> PathBuf {
    let home = root().join(".tools/spiffe");
    let wanted = fs::read(root().join("tests/peers/spiffe/go.sum"));
    let there = fs::read(home.join("go.sum"));
    let same = wanted.is_ok_and(|wanted| there.is_ok_and(|there| wanted == there));
    assert!(same, "{} is not what go.sum says; run: just spiffe", home.display());
    home.join("verify")
}

/// The folder with `kube-apiserver`, `etcd` and `kubectl`, built by `just kubernetes`.
pub fn kubernetes() -> PathBuf {
    let answer = root().join(".tools/kubernetes-path");
    let path = fs::read_to_string(&answer)
        .unwrap_or_else(|error| panic!("{}: {error}; run: just kubernetes", answer.display()));
    PathBuf::from(path.trim())
}

/// The token endpoint that is not ours, built by `just fosite`.
pub fn fosite() -> PathBuf {
    let path = root().join(".tools/fosite/fosite");
    assert!(path.exists(), "{} is not there; run: just fosite", path.display());
    path
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}

/// Where the programs of the running program's profile are.
fn programs() -> PathBuf {
    let own = env::current_exe().expect("the running program has a path");
    let folder = own.parent().expect("a program is in a folder");
    if folder.ends_with("deps") {
        folder.parent().expect("deps is in a folder").to_path_buf()
    } else {
        folder.into()
    }
}

/// Compares with the sources that Cargo noted beside the artifact when it made it.
fn demand_fresh(path: &Path, command: &str) {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let notes = fs::read_to_string(path.with_extension("d"));
    let (Ok(built), Ok(notes)) = (modified(path), notes) else {
        panic!("{} is not there; run: {command}", path.display());
    };
    let (_, sources) = notes.split_once(": ").expect("Cargo's notes name the artifact first");
    for source in sources.split_whitespace() {
        let fresh = modified(Path::new(source)).is_ok_and(|changed| changed <= built);
        assert!(fresh, "{} is older than {source}; run: {command}", path.display());
    }
}
