//! Benchmarks of loading and of solving, on products of four sizes.
//!
//! With `ORCHESTRATE_BENCH_WRITE=DIR` nothing is measured: the files of the middle size are written there, for
//! `scripts/bench`, which measures the whole command.

mod product;

use criterion::{BenchmarkId, Criterion};
use orchestrate::manifest::load;
use orchestrate::model::PartialVersion;
use orchestrate::plan::{Preference, Question, plan, settle};

use product::{SIZES, Size, files};

fn question(size: Size) -> Question {
    let version = |minor| PartialVersion::parse(&format!("1.{minor}.0")).expect("a generated version");
    Question {
        from: Some(version(0)),
        from_chart: None,
        to: version(size.releases - 1),
        completed: None,
        preference: Preference::Recommended,
        only_required: false,
        observed: None,
    }
}

fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    for size in SIZES {
        let files = files(size);
        let catalog = load(files.clone()).0.expect("a generated product is consistent");
        let product = catalog.products.values().next().expect("there is one product");
        let request = settle(product, &question(size)).expect("the versions exist");
        let steps = plan(product, &request).expect("there is a plan").steps.len();
        assert!(steps > size.migrations / 25, "{steps} steps are too few for a benchmark");
        let name = size.to_string();
        group.bench_function(BenchmarkId::new("load", &name), |bencher| {
            bencher.iter_batched(|| files.clone(), load, criterion::BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("solve", &name), |bencher| bencher.iter(|| plan(product, &request)));
    }
    group.finish();
}

fn write(directory: &std::path::Path, size: Size) {
    for file in files(size) {
        let path = directory.join(&*file.path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        std::fs::write(path, file.bytes).expect("a file can be written");
    }
}

fn main() {
    match std::env::var_os("ORCHESTRATE_BENCH_WRITE") {
        Some(directory) => {
            for size in SIZES {
                write(&std::path::Path::new(&directory).join(size.to_string()), size);
            }
        }
        None => {
            let mut criterion = Criterion::default().configure_from_args();
            measure(&mut criterion);
            criterion.final_summary();
        }
    }
}
