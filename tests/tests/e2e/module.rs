//! The module as it is linked.

use std::process::Command;

use cambist_tests::artifact;

/// Prints the names of what a module exports.
const SCRIPT: &str = "
    const module = new WebAssembly.Module(require('fs').readFileSync(process.argv[1]));
    for (const { name } of WebAssembly.Module.exports(module)) console.log(name);
";

#[test]
fn its_own_part_of_a_request_is_measured() {
    let script = artifact::root().join("scripts/module-bench.mjs");
    let output = Command::new("node").arg(script).arg(artifact::module()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches(" us per request").count(), 4, "{said}");
}

/// Everything else would be a call into the VM for nothing, some of them for every request.
#[test]
fn exports_what_the_filter_answers_and_no_more() {
    let output = Command::new("node").args(["-e", SCRIPT]).arg(artifact::module()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let mut exports: Vec<_> = said.lines().collect();
    exports.sort_unstable();
    let expected = [
        "_initialize",
        "memory",
        "proxy_abi_version_0_2_1",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_http_call_response",
        "proxy_on_memory_allocate",
        "proxy_on_request_body",
        "proxy_on_request_headers",
        "proxy_on_request_trailers",
        "proxy_on_tick",
        "proxy_on_vm_start",
    ];
    assert_eq!(exports, expected, "{}", String::from_utf8_lossy(&output.stderr));
}
