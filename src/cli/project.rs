//! Loads the project that a command is about, and picks its product.

use std::time::Instant;

use crate::config::{self, ConfigError};
use crate::manifest::{Broken, Sources, load};
use crate::model::{Catalog, Product, ProductName, did_you_mean};

use super::args::Global;
use super::failure::{Exit, Failure};
use super::findings;
use super::output::Output;

/// The catalog or its findings, with the texts that they point into.
pub(super) fn read(global: &Global) -> Result<(Result<Catalog, Broken>, Sources), Failure> {
    let files = config::read_project(&global.project).map_err(|error| {
        let failure = Failure::from_error(Exit::Usage, &error);
        match error {
            ConfigError::NoDirectory(_) | ConfigError::NoProject(_) => {
                failure.hint("run it in the project's directory, or name that with --project DIR")
            }
            ConfigError::Unreadable(_) => failure.hint("make them regular files that you may read, or remove them"),
            ConfigError::TooDeep(_) => failure.hint("remove the link, or move the files up"),
        }
    })?;
    let (count, bytes) = (files.len(), files.iter().map(|file| file.bytes.len()).sum::<usize>());
    let start = Instant::now();
    let (catalog, sources) = load(config::with_built_in(files));
    let products = catalog.as_ref().map_or(0, |catalog| catalog.products.len());
    let migrations = catalog.as_ref().map_or(0, |catalog| catalog.migrations().count());
    tracing::info!(files = count, bytes, products, migrations, elapsed_ms = start.elapsed().as_millis(), "loaded");
    Ok((catalog, sources))
}

/// The catalog; findings are told and end the command.
pub(super) fn catalog(global: &Global, output: &mut Output) -> Result<Catalog, Failure> {
    catalog_with_sources(global, output).map(|(catalog, _)| catalog)
}

/// The catalog with the texts that it was read from; findings are told and end the command.
pub(super) fn catalog_with_sources(global: &Global, output: &mut Output) -> Result<(Catalog, Sources), Failure> {
    let (catalog, sources) = read(global)?;
    match catalog {
        Ok(catalog) => Ok((catalog, sources)),
        Err(Broken(broken)) => {
            output.talk(&findings::text(&broken, &sources));
            let count = broken.len();
            let files = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
            Err(Failure::new(Exit::InvalidManifests, format!("the project has {files}"))
                .hint("`orchestrate lint --explain RULE` tells more about a rule"))
        }
    }
}

/// The product that is meant: by option, by the project file, or because there is only one.
pub(super) fn product<'a>(global: &Global, catalog: &'a Catalog) -> Result<&'a Product, Failure> {
    let names: Vec<&str> = catalog.products.keys().map(ProductName::as_str).collect();
    let known = || format!("products: {}", names.join(", "));
    let named = global.product.as_deref().or(catalog.project.product.as_ref().map(ProductName::as_str));
    if let Some(name) = named {
        return catalog.products.get(name).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("there is no product `{name}`")).hint(did_you_mean(
                name,
                names.iter().copied(),
                known,
            ))
        });
    }
    let mut products = catalog.products.values();
    match (products.next(), products.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::new(Exit::Usage, "the project has several products")
            .hint(format!("name one with --product, or `product:` in orchestrate.yaml; {}", known()))),
        (None, _) => Err(Failure::new(Exit::Usage, "the project has no product")
            .hint("add upgrade-paths/<product>.yaml; `orchestrate schema upgrade-path` tells its keys")),
    }
}
