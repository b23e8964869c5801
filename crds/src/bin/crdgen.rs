//! Prints the YAML of every custom resource definition, or writes each into a file of its name: `cargo run -p crds --bin crdgen [FOLDER]`.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, fs};

use crds::{ALL, to_yaml};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    for definition in ALL {
        let definition = definition();
        let yaml = to_yaml(&definition)?;
        match &folder {
            None => write!(io::stdout(), "---\n{yaml}")?,
            Some(folder) => fs::write(folder.join(definition.metadata.name.unwrap_or_default() + ".yaml"), yaml)?,
        }
    }
    Ok(())
}
