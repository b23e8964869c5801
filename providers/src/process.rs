//! Programs of others: one is given an input, and what it writes is taken up to a limit.

use std::ffi::OsStr;
use std::process::Stdio;

use keys::{Error, ErrorKind, Result, SecretBytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// The most that is taken of an output, in bytes.
const LONGEST_OUTPUT: u64 = 1024 * 1024;

/// How a program ended.
pub(crate) struct Ended {
    /// Whether it says that it succeeded.
    pub(crate) success: bool,
    /// What it wrote to its standard output.
    pub(crate) output: SecretBytes,
    /// What it wrote to its standard error.
    pub(crate) errors: String,
}

/// Runs a program to its end; it is killed if nobody waits for it any more.
///
/// # Errors
/// Unavailable: it does not start, or writes too much.
pub(crate) async fn run(program: &OsStr, arguments: &[&str], variables: &[(&str, String)], input: &SecretBytes) -> Result<Ended> {
    let name = program.display();
    let failed = |what: &str| Error::new(ErrorKind::Unavailable, format!("run {name}: {what}"));
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(&format!("it does not start ({error})")))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // EXPOSE: the program is given what it should work on. One that ends before it has read everything says why by itself.
            let _ = stdin.write_all(input.expose()).await;
            let _ = stdin.shutdown().await;
        }
    };
    let (output, errors, ()) = tokio::join!(read(stdout), read(stderr), write);
    let (output, errors) = output.zip(errors).ok_or_else(|| failed("its output is too long, or cannot be read"))?;
    let status = child.wait().await.map_err(|_| failed("it is lost"))?;
    // EXPOSE: messages for a person.
    let errors = String::from_utf8_lossy(errors.expose()).into_owned();
    Ok(Ended { success: status.success(), output, errors })
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> Option<SecretBytes> {
    let mut bytes = Vec::with_capacity(1024);
    stream?.take(LONGEST_OUTPUT + 1).read_to_end(&mut bytes).await.ok()?;
    let bytes = SecretBytes::new(bytes);
    (bytes.len() as u64 <= LONGEST_OUTPUT).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, input: &[u8]) -> Result<Ended> {
        run(OsStr::new("sh"), &["-c", script], &[("GIVEN", "a value".to_owned())], &SecretBytes::new(input.to_vec())).await
    }

    #[tokio::test]
    async fn a_program_is_given_its_input_and_its_variables() {
        let ended = shell("cat; printf %s \"$GIVEN\"; echo oh >&2; exit 3", b"in ").await.unwrap();
        assert_eq!((ended.success, ended.output.expose(), ended.errors.as_str()), (false, &b"in a value"[..], "oh\n"));
    }

    #[tokio::test]
    async fn a_program_that_does_not_read_or_writes_before_it_reads_does_not_hang() {
        let long = vec![b'x'; 300_000];
        assert!(shell("exit 0", &long).await.unwrap().success);
        assert_eq!(shell("head -c 200000 /dev/zero; cat", &long).await.unwrap().output.len(), 500_000);
    }

    #[tokio::test]
    async fn an_output_without_end_and_a_missing_program_are_errors() {
        assert_eq!(shell("cat /dev/zero", b"").await.err().unwrap().to_string(), "run sh: its output is too long, or cannot be read");
        let missing = run(OsStr::new("there-is-no-such-program"), &[], &[], &SecretBytes::new(Vec::new())).await.err().unwrap();
        assert!(missing.to_string().starts_with("run there-is-no-such-program: it does not start ("), "{missing}");
        assert_eq!(missing.kind(), ErrorKind::Unavailable);
    }
}
