//! A real Kubernetes API server as an issuer, set up by the commands of `docs/kubernetes.md`. Run by `just test-kubernetes`.

mod kubernetes {
    mod page;
    mod rotation;
    mod site;
    mod ways;
}
