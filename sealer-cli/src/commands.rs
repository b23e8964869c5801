//! The list of commands: one line each in an enum, and one in a match.

mod cert;
mod completions;
mod crds;
mod decrypt;
mod edit;
mod encrypt;
mod exec_env;
mod exec_file;
mod explain;
mod extract;
mod fetch;
mod filestatus;
mod groups;
mod keys;
mod kubeseal;
mod local;
mod man;
mod migrate;
mod render;
mod reseal;
mod rotate;
mod run;
mod seal;
mod set;
mod sops;
mod unseal;
mod updatekeys;
mod verify;

use clap::Subcommand;
use jiff::Timestamp;

use crate::exit::Outcome;

/// What sealer can do.
// Each command is laid out when it is asked for: all of them together cost a small file more memory than its own work. What a command says of itself
// stands here: a doc comment on a structure of arguments would take the place of it.
#[derive(Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Encrypt Secrets into SealedSecrets that are safe to commit
    Seal(seal::Args),
    /// Decrypt SealedSecrets with private keys at hand
    Unseal(unseal::Args),
    /// Bring SealedSecrets under the newest key
    Reseal(reseal::Args),
    /// Check SealedSecrets, with or without private keys
    Verify(verify::Args),
    /// Print or describe a certificate
    Cert(cert::Args),
    /// Look after a folder of sealing keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Play cluster in a folder: seal, unseal and heal without one
    Local(local::Args),
    /// Encrypt the values of files for age, PGP and other keys, as sops does
    Encrypt(encrypt::Args),
    /// Decrypt files whose values are encrypted
    Decrypt(decrypt::Args),
    /// Edit an encrypted file, or a new one
    Edit(edit::Args),
    /// Run a program with the values of an encrypted file in its environment
    ExecEnv(exec_env::Args),
    /// Run a program with a decrypted file that is gone afterwards
    ExecFile(exec_file::Args),
    /// Print one value of an encrypted file
    Extract(extract::Args),
    /// Set one value of an encrypted file
    Set(set::Args),
    /// Remove one value of an encrypted file
    Unset(set::UnsetArgs),
    /// Bring files under a new data key
    Rotate(rotate::Args),
    /// Bring files under the keys that .sops.yaml names
    Updatekeys(updatekeys::Args),
    /// Add or remove key groups of a file
    #[command(subcommand)]
    Groups(groups::Command),
    /// Say whether files are encrypted
    Filestatus(filestatus::Args),
    /// Show the Secrets that ExternalSecrets yield, without a cluster
    Render(render::Args),
    /// Print one secret of a store, without a cluster
    Fetch(fetch::Args),
    /// Run a program with what ExternalSecrets yield in its environment
    Run(run::Args),
    /// Say what became of a SealedSecret, an ExternalSecret or a store in the cluster, and what comes next
    Explain(explain::Args),
    /// Compare or install the custom resource definitions of a cluster
    #[command(subcommand)]
    Crds(crds::Command),
    /// Move a cluster from the Sealed Secrets controller to ours
    Migrate(migrate::Args),
    /// Speak kubeseal's command line: its flags, messages and exit codes
    #[command(disable_help_flag = true)]
    Kubeseal(kubeseal::Args),
    /// Speak sops's command line: its commands, flags, messages and exit codes
    #[command(disable_help_flag = true)]
    Sops(sops::Args),
    /// Print a script that completes commands in a shell
    Completions(completions::Args),
    /// Print the manual page, or write all of them into a folder
    Man(man::Args),
}

/// Runs one command.
pub(crate) fn run(command: Command, now: Timestamp) -> Outcome {
    match command {
        Command::Seal(args) => seal::run(&args, now),
        Command::Unseal(args) => unseal::run(&args, now),
        Command::Reseal(args) => reseal::run(&args, now),
        Command::Verify(args) => verify::run(&args, now),
        Command::Cert(args) => cert::run(&args, now),
        Command::Keys(command) => keys::run(&command, now),
        Command::Local(args) => local::run(&args, now),
        Command::Encrypt(args) => encrypt::run(&args, now),
        Command::Decrypt(args) => decrypt::run(&args, now),
        Command::Edit(args) => edit::run(&args, now),
        Command::ExecEnv(args) => exec_env::run(&args, now),
        Command::ExecFile(args) => exec_file::run(&args, now),
        Command::Extract(args) => extract::run(&args, now),
        Command::Set(args) => set::run(&args, now),
        Command::Unset(args) => set::run_unset(&args, now),
        Command::Rotate(args) => rotate::run(&args, now),
        Command::Updatekeys(args) => updatekeys::run(&args, now),
        Command::Groups(command) => groups::run(&command, now),
        Command::Filestatus(args) => filestatus::run(&args, now),
        Command::Render(args) => render::run(&args, now),
        Command::Fetch(args) => fetch::run(&args, now),
        Command::Run(args) => run::run(&args, now),
        Command::Explain(args) => explain::run(&args, now),
        Command::Crds(command) => crds::run(&command),
        Command::Migrate(args) => migrate::run(&args),
        Command::Kubeseal(args) => kubeseal::run(&args),
        Command::Sops(args) => sops::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
