// SPDX-License-Identifier: Apache-2.0

//! What masters keep durably, for people.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use kaon_daemon::registry::{Keeper, Kept};

use crate::arguments::{KeeperArguments, RegistryCommand};

/// Bound: what is imported; 100,000 agents fit.
const IMPORT_MAX: u64 = 1 << 30;

pub async fn run(command: RegistryCommand) -> anyhow::Result<ExitCode> {
    match command {
        RegistryCommand::Show(arguments) => show(&keeper(arguments.keeper)?.read().await?)?,
        RegistryCommand::Export(arguments) => {
            let kept = keeper(arguments.keeper)?.read().await?;
            writeln!(io::stdout(), "{}", kept.json())?;
        }
        RegistryCommand::Import(arguments) => {
            let exported = read(&arguments.file)?;
            let kept = keeper(arguments.keeper)?.write(&exported, arguments.replace).await?;
            writeln!(io::stderr(), "kaon: the registry is in place; it knows {} agents", kept.agents())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn keeper(arguments: KeeperArguments) -> anyhow::Result<Keeper> {
    match (arguments.zk, arguments.work_dir) {
        (Some(url), _) => Ok(Keeper::Ensemble(url)),
        (None, Some(folder)) => Ok(Keeper::Folder(folder)),
        (None, None) => anyhow::bail!("--zk or --work_dir is needed"),
    }
}

fn show(kept: &Kept) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (what, count) in kept.counts() {
        writeln!(out, "{what:<28}{count}")?;
    }
    for (id, host, state) in kept.hosts() {
        writeln!(out, "{id}  {state}  {host}")?;
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut exported = Vec::new();
    let context = || format!("cannot read '{}'", file.display());
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(std::fs::File::open(file).with_context(context)?),
    };
    source.take(IMPORT_MAX).read_to_end(&mut exported).with_context(context)?;
    Ok(exported)
}
