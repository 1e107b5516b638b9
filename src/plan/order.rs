//! The migrations of a product by number, each after those that it depends on.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Dependencies;
use crate::model::{Migration, MigrationName, Product};

/// The migrations of a product, each after those that it depends on.
pub fn in_order(product: &Product) -> Vec<&Migration> {
    Order::of(product).migrations
}

/// Migrations by number: each after those it depends on, by how many stand before it in a row, then by name.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub migrations: Vec<&'a Migration>,
    /// For each, the numbers of those it depends on, in its file's order.
    pub dependencies: Vec<Vec<usize>>,
}

impl<'a> Order<'a> {
    pub fn of(product: &'a Product) -> Order<'a> {
        let by_name: Vec<&Migration> = product.migrations.values().collect();
        let index_of: BTreeMap<&MigrationName, usize> = product.migrations.keys().zip(0..).collect();
        let mut depends_on: Vec<Vec<usize>> = Vec::with_capacity(by_name.len());
        let mut pairs = Vec::new();
        for (after, migration) in by_name.iter().enumerate() {
            let before: Vec<usize> =
                migration.depends_on.iter().filter_map(|name| index_of.get(name).copied()).collect();
            pairs.extend(before.iter().map(|before| (*before, after)));
            depends_on.push(before);
        }
        let sorted = Dependencies::new(by_name.len(), pairs).order().expect("no catalog has a cycle of dependencies");
        let mut in_a_row = vec![0; by_name.len()];
        for index in sorted {
            in_a_row[index] = depends_on[index].iter().map(|before| in_a_row[*before] + 1).max().unwrap_or(0);
        }
        let mut order: Vec<usize> = (0..by_name.len()).collect();
        order.sort_by_key(|index| (in_a_row[*index], *index));
        let mut number_of = vec![0; by_name.len()];
        for (number, index) in order.iter().enumerate() {
            number_of[*index] = number;
        }
        let numbers = |index: &usize| depends_on[*index].iter().map(|before| number_of[*before]).collect();
        Order {
            migrations: order.iter().map(|index| by_name[*index]).collect(),
            dependencies: order.iter().map(numbers).collect(),
        }
    }

    /// Adds to a set of numbers everything that its members depend on.
    pub fn close(&self, set: &mut BTreeSet<usize>) {
        for number in (0..self.migrations.len()).rev() {
            if set.contains(&number) {
                set.extend(&self.dependencies[number]);
            }
        }
    }
}
