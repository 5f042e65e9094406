//! The command line of `cambist`. The only file that knows the environment's variables.

use core::net::SocketAddr;
use std::path::PathBuf;

use cambist_core::secret::Secret;
use clap::{Args, Parser, Subcommand};

mod identity;

pub use self::identity::{
    IdentityApproveArguments, IdentityArguments, IdentityCommand, IdentityLabelArguments,
    IdentityListArguments, IdentityPendingArguments, IdentityRegisterArguments, IdentityRevokeArguments,
};

const KEK: &str = "Environment:\n  CAMBIST_KEK  Key that encrypts secrets in the database, 64 hex digits; taken from \
                   the file `kek` in the data folder when not set\n  CAMBIST_LOG  As --log";

const TOKEN: &str = "Environment:\n  CAMBIST_ADMIN_TOKEN  The admin token that `cambist init` printed";

/// Turns the identity a workload already has into a short-lived token of your own.
#[derive(Debug, Parser)]
#[command(name = "cambist", version, arg_required_else_help = true, after_help = KEK)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a deployment: database, key-encryption key and the first admin token
    Init(InitArguments),
    /// Run the control plane
    Serve(ServeArguments),
    /// Show the presets of issuers; needs no service
    #[command(subcommand)]
    Preset(PresetCommand),
    /// Issuers of a running control plane
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Gateways of a running control plane
    #[command(subcommand)]
    Gateway(GatewayCommand),
    /// Tokens, looked at without any service
    #[command(subcommand)]
    Token(TokenCommand),
    /// Check one of your access tokens as a verifier elsewhere does; exit status 1 if it would be refused
    Verify(VerifyArguments),
    /// Clients of a running control plane
    #[command(subcommand)]
    Client(ClientCommand),
    /// Signing keys of a running control plane
    #[command(subcommand)]
    Key(KeyCommand),
    /// External token endpoints of a running control plane
    #[command(subcommand)]
    External(ExternalCommand),
    /// Identities of a running control plane
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// The audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
}

/// `cambist preset`.
#[derive(Debug, Subcommand)]
pub enum PresetCommand {
    /// Name them all
    List,
    /// Print one as JSON
    Show {
        /// Its name
        name: String,
    },
}

/// `cambist issuer …`.
#[derive(Debug, Subcommand)]
pub enum IssuerCommand {
    /// Fetch an issuer's keys once and show each step; exit status 1 if one fails
    Test(IssuerTestArguments),
    /// Give the keys of an issuer that nobody can reach to the control plane
    Push(IssuerPushArguments),
}

/// `cambist gateway …`.
#[derive(Debug, Subcommand)]
pub enum GatewayCommand {
    /// Show where each gateway stands: instances, epoch, losses and the last error
    List(GatewayListArguments),
    /// Show the keys that a gateway uses, by issuer
    Keys(GatewayKeysArguments),
}

/// `cambist client …`.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Secrets that a client proves with who it is; it has two at most, so that one can replace the other
    #[command(subcommand)]
    Secret(SecretCommand),
}

/// `cambist client secret …`.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Make one and show it, this once
    Add(ClientArguments),
    /// Name those there are
    List(ClientArguments),
    /// Remove one: it is refused from then on
    Remove(SecretRemoveArguments),
}

/// `cambist key …`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Show them all, and where each stands
    List(KeyListArguments),
    /// Make a successor to the key that the authority signs with; it is published first, and signs 15 minutes later
    Rotate(KeyRotateArguments),
}

/// `cambist client secret add` and `list`.
#[derive(Debug, Args)]
pub struct ClientArguments {
    /// The client's id
    pub client: String,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist client secret remove`.
#[derive(Debug, Args)]
pub struct SecretRemoveArguments {
    /// The client's id
    pub client: String,
    /// The secret's id
    pub secret: String,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist key list`.
#[derive(Debug, Args)]
pub struct KeyListArguments {
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist key rotate`.
#[derive(Debug, Args)]
pub struct KeyRotateArguments {
    /// The algorithm whose key is succeeded: ES256 or RS256
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    pub alg: String,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist external …`.
#[derive(Debug, Subcommand)]
pub enum ExternalCommand {
    /// Name them all
    List(ExternalListArguments),
    /// Create one, or replace the one with its id
    Set(ExternalSetArguments),
    /// Remove one that no route names
    Remove(ExternalRemoveArguments),
}

/// `cambist audit …`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Look at every row and name the first one that was changed, dropped, moved or slipped in; exit status 1 then
    Verify(AuditVerifyArguments),
    /// Show the newest rows
    Tail(AuditTailArguments),
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// `cambist audit verify`.
#[derive(Debug, Args)]
pub struct AuditVerifyArguments {
    /// The database file of a deployment, read without any service; a running control plane is asked otherwise
    #[arg(long, value_name = "FILE", conflicts_with = "after")]
    pub database: Option<PathBuf>,
    /// Begin behind this row, whose hash was noted elsewhere
    #[arg(long, value_name = "ID:HASH")]
    pub after: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist audit tail`.
#[derive(Debug, Args)]
pub struct AuditTailArguments {
    /// How many rows
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub lines: u32,
    /// Go on with what comes then
    #[arg(long, short)]
    pub follow: bool,
    /// Only rows of which this is so, such as action=denial or gateway=edge; may be repeated
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub filters: Vec<String>,
    /// How to print a row; as JSON, one on each line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// How a running control plane is reached. The admin token is taken from `CAMBIST_ADMIN_TOKEN`.
#[derive(Debug, Args)]
#[command(after_help = TOKEN)]
pub struct ApiArguments {
    /// Where the control plane is
    #[arg(long, value_name = "URL", env = "CAMBIST_URL", default_value = "http://127.0.0.1:8700")]
    pub url: String,
    /// PEM certificates of the authorities that its certificate may come from; the public ones otherwise
    #[arg(long, value_name = "FILE", env = "CAMBIST_CA")]
    pub ca: Option<PathBuf>,
}

/// `cambist issuer test`.
#[derive(Debug, Args)]
pub struct IssuerTestArguments {
    /// The issuer's id
    pub id: String,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist issuer push`.
#[derive(Debug, Args)]
pub struct IssuerPushArguments {
    /// The issuer's id
    pub id: String,
    /// The JWK set; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist gateway keys`.
#[derive(Debug, Args)]
pub struct GatewayKeysArguments {
    /// The gateway's name
    pub name: String,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist gateway list`.
#[derive(Debug, Args)]
pub struct GatewayListArguments {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist token …`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Show header, claims and times of a token; nothing is verified and nothing is sent anywhere
    Inspect(TokenInspectArguments),
}

/// `cambist token inspect`.
#[derive(Debug, Args)]
pub struct TokenInspectArguments {
    /// File with the token; `-` reads standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub token_file: PathBuf,
}

/// `cambist verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The authority that the token must be of, exactly as verifiers are configured with it
    #[arg(long, value_name = "URL")]
    pub authority: String,
    /// The audience that the token must be for
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: String,
    /// File with the token; `-` reads standard input. No option for the token itself: other users see command lines
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub token_file: PathBuf,
    /// Fetch over http as well
    #[arg(long)]
    pub allow_http: bool,
    /// PEM certificates of the authorities that its certificate may come from; the public ones otherwise
    #[arg(long, value_name = "FILE", env = "CAMBIST_CA")]
    pub ca: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `cambist external list`.
#[derive(Debug, Args)]
pub struct ExternalListArguments {
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist external set`.
#[derive(Debug, Args)]
pub struct ExternalSetArguments {
    /// The endpoint as JSON, its secret included; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist external remove`.
#[derive(Debug, Args)]
pub struct ExternalRemoveArguments {
    /// The endpoint's id
    pub id: String,
    /// How the control plane is reached.
    #[command(flatten)]
    pub api: ApiArguments,
}

/// `cambist init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Your own issuer: the `iss` of the tokens that are minted, an https URL without a final slash
    #[arg(long, value_name = "URL")]
    pub authority: String,
    /// Folder for the database and the key-encryption key; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub print_json: bool,
}

/// `cambist serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Folder that `cambist init` made
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Address to listen on; port 0 takes a free one. Tokens and secrets come here: put TLS in front of it unless it is
    /// loopback
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8700")]
    pub listen: SocketAddr,
    /// Address that answers `GET /metrics` without a token, and nothing else; the other asks for an admin token
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// File that gets the address when the service is ready
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,
    /// Days after which a signing key of the authority is succeeded by a new one
    #[arg(
        long,
        value_name = "DAYS",
        env = "CAMBIST_KEY_LIFETIME",
        default_value_t = 90,
        value_parser = clap::value_parser!(u32).range(1..=3650)
    )]
    pub key_lifetime: u32,
    /// What to log: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", env = "CAMBIST_LOG", default_value = "info")]
    pub log: tracing::Level,
}

/// The key-encryption key from the environment, if it is there. No option: other users see command lines.
pub fn kek_variable() -> Option<Secret<String>> {
    std::env::var("CAMBIST_KEK").ok().map(Secret::new)
}

/// The admin token from the environment, if it is there. No option, for the same reason.
pub fn admin_token_variable() -> Option<Secret<String>> {
    std::env::var("CAMBIST_ADMIN_TOKEN").ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn is_well_formed() {
        Arguments::command().debug_assert();
    }
}
