//! The command line of `cambist identity`.

use clap::{Args, Subcommand};

use super::{ApiArguments, Format};

/// `cambist identity …`.
#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Show them
    List(IdentityListArguments),
    /// Set labels, NAME=VALUE, or take them away, NAME-
    Label(IdentityLabelArguments),
    /// Refuse one, or all that a selector names, until they are reinstated
    Revoke(IdentityRevokeArguments),
    /// Let a revoked one in again
    Reinstate(IdentityArguments),
    /// Show who waits to be let in
    Pending(IdentityPendingArguments),
    /// Let in one that waits, or that was seen
    Approve(IdentityApproveArguments),
    /// Let one in, seen or not, and print its id
    Register(IdentityRegisterArguments),
}

/// `cambist identity list`.
#[derive(Debug, Args)]
pub struct IdentityListArguments {
    /// Only those of which this is so, such as cluster=eu-1, field.namespace=shop or label.team=pay; may be repeated
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub filters: Vec<String>,
    /// Only those that were not seen for so many days
    #[arg(long, value_name = "DAYS")]
    pub stale: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist identity label`.
#[derive(Debug, Args)]
pub struct IdentityLabelArguments {
    /// The identity's id
    pub id: String,
    /// NAME=VALUE, or NAME- for none any more
    #[arg(required = true)]
    pub labels: Vec<String>,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist identity revoke`.
#[derive(Debug, Args)]
pub struct IdentityRevokeArguments {
    /// The identity's id
    #[arg(required_unless_present = "selector")]
    pub id: Option<String>,
    /// All of which this is so, such as cluster=eu-1, namespace=shop, issuer=eks, field.team=pay or label.tier=web;
    /// may be repeated
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "id")]
    pub selector: Vec<String>,
    /// Only say how many and name some
    #[arg(long, requires = "selector")]
    pub dry_run: bool,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist identity reinstate`.
#[derive(Debug, Args)]
pub struct IdentityArguments {
    /// The identity's id
    pub id: String,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist identity pending`.
#[derive(Debug, Args)]
pub struct IdentityPendingArguments {
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist identity approve`.
#[derive(Debug, Args)]
pub struct IdentityApproveArguments {
    /// The identity's id, `idn_…`
    pub id: String,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist identity register`.
#[derive(Debug, Args)]
pub struct IdentityRegisterArguments {
    /// The id of the client that it acts for
    #[arg(long, value_name = "ID")]
    pub client: String,
    /// The id of the issuer of its tokens
    #[arg(long, value_name = "ID")]
    pub issuer: String,
    /// The audience: of those in its tokens that its binding accepts, the first in byte order
    #[arg(long)]
    pub audience: String,
    /// The subject of its tokens
    #[arg(long)]
    pub subject: String,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}
